"""What an exported model says of itself, read without TensorFlow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def card_file(saved_model: Path) -> Path:
    """The card in a SavedModel, see `keras_wa.export.saved_model.model_card`."""
    return saved_model / "assets.extra" / "keras_wa.json"


def bits_of(card: Mapping[str, Any]) -> int | None:
    """`bits_stored` of the training images; older cards and configs have none.

    Raises:
        ValueError: it is no number from 1 to 16.
    """
    bits = card.get("bits_stored")
    if bits is not None and bits not in range(1, 17):
        raise ValueError(f"bits_stored {bits!r}; expected 1 to 16, or null")
    return bits


def trained_bits(model: str | Path) -> int | None:
    """`bits_stored` of the training images of a model.

    The images to predict are decoded while TensorFlow starts, before the model is open.

    Args:
        model: see `open_classifier`, which reports what is wrong with it.

    Returns:
        The bits, or `None` if they are unknown.
    """
    path = Path(model)
    for file in (card_file(path), path / "config.json", path.parent / "config.json"):
        # The last one is of a run whose `best.keras` is named.
        if file.parent == path.parent and path.name != "best.keras":
            continue
        try:
            return bits_of(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, AttributeError):
            continue
    return None
