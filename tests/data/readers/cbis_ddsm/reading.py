"""Reading ROIs of the copies, and the pixels that they should have."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from keras_wa.data import Dataset, ReadOptions, Roi
from keras_wa.data.io import open_image
from keras_wa.data.readers.cbis_ddsm import roi_reading
from tests.data.readers.cbis_ddsm.copies import Drawn, case_row

ROWS = [
    case_row(),
    case_row(number=2, pathology="BENIGN"),
    case_row(part="test", patient="P_00002", view="MLO"),
]
FIRST = "Calc-Training_P_00001_LEFT_CC_1"
FIELD = 50  # Pixels of 2.3 mm at the assumed 0.046 mm.


def options(crop: str = "fixed", **more) -> ReadOptions:
    return ReadOptions(crop=crop, field_mm=2.3, **more)


def read(dataset: Dataset, roi_id: str = FIRST) -> Roi:
    row = dataset.cases.set_index("roi_id", drop=False).loc[roi_id]
    return dataset.read(row)


def grey(pixels: np.ndarray) -> np.ndarray:
    return np.floor(pixels / 65535 * 255 + 0.5).astype(np.uint8)


def about(drawn: Drawn, side: int = FIELD) -> np.ndarray:
    """The square about the lesion, cut out of the mammogram by other means."""
    left, top, width, height = drawn.box
    wide = np.pad(grey(drawn.full), side)
    y = top + (height - side) // 2 + side
    x = left + (width - side) // 2 + side
    return wide[y : y + side, x : x + side]


def opened_files(monkeypatch) -> list[Path]:
    """The files that are opened from now on."""
    opened: list[Path] = []

    def count(path, *arguments):
        opened.append(path)
        return open_image(path, *arguments)

    monkeypatch.setattr(roi_reading, "open_image", count)
    return opened
