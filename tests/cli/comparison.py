"""A finished comparison of the tiny model, and helpers for tests of `compare`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from keras_wa.cli import main
from tests.tiny_model import flags

SYSTEMS = ["tiny", "tiny:dropout=0.5"]


def words(store_dir: Path, out: Path, **changes: Any) -> list[str]:
    """A comparison of two systems with two seeds, one epoch each."""
    own: dict[str, Any] = {"models": ",".join(SYSTEMS), "seeds": 2, "resamples": 50}
    settings: dict[str, Any] = {"model": None, "epochs": 1, "store_dir": store_dir}
    return ["compare", *flags(**{**settings, **own, "out": out, **changes})]


@pytest.fixture(scope="session")
def compared(
    store_dir: Path, tiny_model: None, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a finished comparison; not to be changed."""
    out = tmp_path_factory.mktemp("compared") / "out"
    assert main(words(store_dir, out)) == 0
    return out


def record_of(out: Path) -> dict[str, Any]:
    return json.loads((out / "comparison.json").read_text())
