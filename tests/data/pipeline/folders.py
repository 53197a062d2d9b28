"""Class folders of small random images for the tests of the store."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from keras_wa.data import Dataset, Roi
from keras_wa.data.pipeline import PreparedStore, prepare
from keras_wa.data.readers.folder import read_folder


def make_folder(root: Path, per_class: int = 12, side: int = 32) -> Path:
    """Writes `0/` and `1/` with random images, two a patient: `a03_1.png`."""
    rng = np.random.default_rng(0)
    for label, letter in ((0, "a"), (1, "b")):
        (root / str(label)).mkdir(parents=True)
        for index in range(per_class):
            image = rng.integers(0, 256, (side, side), dtype=np.uint8)
            name = f"{letter}{index // 2:02d}_{index % 2}.png"
            assert cv2.imwrite(str(root / str(label) / name), image)
    return root


def open_folder(root: Path) -> Dataset:
    """The dataset in such a folder."""
    return read_folder(root, r"^(\w\d\d)")


def all_bytes(store: PreparedStore) -> dict[str, bytes]:
    """Every file of a store with its content."""
    return {path.name: path.read_bytes() for path in store.path.iterdir()}


class CountingReader:
    """Stands in for a dataset's `read`; counts, and fails at a chosen call.

    Args:
        dataset: whose `read` does the work.
        fail_at: number of the call that raises `error`, or `None`.
        error: what it raises.
    """

    def __init__(
        self,
        dataset: Dataset,
        fail_at: int | None = None,
        error: BaseException | None = None,
    ) -> None:
        self.calls: list[str] = []
        self.fail_at = fail_at
        self.error = error
        self._read = dataset.read
        self.dataset = dataclasses.replace(dataset, read=self.read)

    def read(self, row: pd.Series) -> Roi:
        """Reads, after counting."""
        self.calls.append(row["roi_id"])
        if len(self.calls) == self.fail_at and self.error is not None:
            raise self.error
        return self._read(row)


def interrupt(reader: CountingReader, out: Path) -> None:
    """Begins a store and ends at the reader's error."""
    with pytest.raises(RuntimeError, match="power cut"):
        prepare(reader.dataset, out, image_size=32)
