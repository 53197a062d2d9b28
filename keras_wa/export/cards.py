"""Reads the card of an exported model, without TensorFlow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DISCLAIMER = "Research software. Not a medical device."

CARD_FORMAT = 2
"""Format of an export: the graph's preprocessing, heat and card. A run is not opened by
an export of another format."""


def card_file(saved_model: Path) -> Path:
    """Returns the card in a SavedModel, see `export.saved_model.model_card`."""
    return saved_model / "assets.extra" / "keras_wa.json"


def bits_of(card: Mapping[str, Any]) -> int | None:
    """Returns `bits_stored` of the training images, 1 to 16; older cards have none."""
    bits = card.get("bits_stored")
    if bits is not None and bits not in range(1, 17):
        raise ValueError(f"bits_stored {bits!r}; expected 1 to 16, or null")
    return bits


def trained_bits(model: str | Path) -> int | None:
    """Returns `bits_stored` of a model's training images, or None if unknown.

    It allows images to be decoded while TensorFlow starts. `open_classifier` reports
    errors.
    """
    path = Path(model)
    files = [card_file(path), path / "metadata.json", path / "config.json"]
    if path.name == "best.keras":  # Of a run.
        files = [path.parent / "config.json"]
    for file in files:
        try:
            return bits_of(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, AttributeError):
            continue
    return None
