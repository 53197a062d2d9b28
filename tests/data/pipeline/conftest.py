"""What the tests of the store share."""

from __future__ import annotations

from pathlib import Path

import pytest

from keras_wa.data.pipeline import reading
from tests.data.pipeline.folders import make_folder


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(reading, "_BLOCK", 4)


@pytest.fixture
def folder(tmp_path) -> Path:
    return make_folder(tmp_path / "data")
