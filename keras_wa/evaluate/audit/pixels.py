"""Reads the pixels for an audit, with facts about their files."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_wa.cores import reading_threads
from keras_wa.data import Dataset, Roi
from keras_wa.data.io.resize import resize
from keras_wa.errors import UserError
from keras_wa.progress import ProgressBar

_BLOCK = 64
_WORKERS = reading_threads()

SIZES = ("height", "width", "aspect", "bytes")
"""Measurements of each ROI before resizing, and of its file."""


@dataclasses.dataclass(frozen=True)
class Pixels:
    """The ROIs of a dataset that could be read.

    Attributes:
        rows: their indices in the case table, int64 `(N,)`, ascending.
        images: uint8 of shape `(N, S, S)`.
        sizes: float64 columns `SIZES`, one row per image: height and width of the ROI
            in its source, pixels; width by height; size of its image file, bytes, NaN
            without a file.
        files: text columns `path` and `digest` of each image file, NA without one.
        skipped: ROIs that could not be read, with the reason.
        facts: facts about each of them, see `Roi`.
    """

    rows: NDArray[np.int64]
    images: NDArray[np.uint8]
    sizes: pd.DataFrame
    files: pd.DataFrame
    skipped: list[tuple[str, str]]
    facts: list[dict[str, Any]] = dataclasses.field(default_factory=list)


def read_pixels(
    dataset: Dataset,
    limit: int | None = None,
    size: int = 128,
    seed: int = 0,
    progress: bool = True,
) -> Pixels:
    """Reads the ROIs of a dataset and resizes them to squares of `size` pixels.

    At most `limit` ROIs are read, drawn at random by `seed`; None for all. The readable
    ones are in the order of the case table.
    """
    count = len(dataset.cases)
    wanted = np.arange(count)
    if limit is not None and limit < count:
        wanted = np.sort(np.random.default_rng(seed).permutation(count)[:limit])
    images = np.empty((len(wanted), size, size), dtype=np.uint8)
    rows: list[int] = []
    sizes: list[tuple[float, float, float, float]] = []
    files: list[tuple[str | None, str | None]] = []
    skipped: list[tuple[str, str]] = []
    facts: list[dict[str, Any]] = []
    with (
        ThreadPoolExecutor(_WORKERS) as pool,
        ProgressBar(f"Reading {dataset.name}", len(wanted), progress) as bar,
    ):
        for start in range(0, len(wanted), _BLOCK):
            block = wanted[start : start + _BLOCK].tolist()
            for row, roi in zip(block, _read(dataset, block, pool), strict=True):
                if isinstance(roi, UserError):
                    name = str(dataset.cases["roi_id"].iloc[row])
                    skipped.append((name, str(roi)))
                    continue
                images[len(rows)] = resize(roi.pixels, (size, size))
                rows.append(row)
                facts.append(roi.facts)
                path, digest = _image_file(dataset.cases.iloc[row], roi)
                files.append((path, digest))
                height, width = roi.pixels.shape
                sizes.append((height, width, width / height, _bytes(dataset, path)))
            bar.advance(len(block))
    return Pixels(
        np.array(rows, dtype=np.int64),
        images[: len(rows)],
        pd.DataFrame(sizes, columns=list(SIZES), dtype=np.float64),
        pd.DataFrame(files, columns=["path", "digest"], dtype="string"),
        skipped,
        facts,
    )


def _read(
    dataset: Dataset, rows: Sequence[int], pool: Executor
) -> Sequence[Roi | UserError]:
    """Returns the ROIs of some rows, or an error for each unreadable one."""
    if dataset.read_block is not None:
        block = dataset.read_block(dataset.cases.iloc[list(rows)])
        return [Roi(pixels) for pixels in block]

    def read(row: int) -> Roi | UserError:
        try:
            return dataset.read(dataset.cases.iloc[row])
        except UserError as error:
            return error

    return list(pool.map(read, rows))


def _image_file(row: pd.Series, roi: Roi) -> tuple[str | None, str | None]:
    """Returns path and digest of the file with the pixels, not of a mask."""
    sources: dict[str, str] = roi.facts.get("sources", {})
    if pd.notna(row["image_path"]) and row["image_path"] in sources:
        return row["image_path"], sources[row["image_path"]]
    # A crop is read alone, possibly from the place of its mask.
    return next(iter(sources.items()), (None, None))


def _bytes(dataset: Dataset, path: str | None) -> float:
    if dataset.root is None or path is None:
        return np.nan
    try:
        return float((dataset.root / path).stat().st_size)
    except OSError:
        return np.nan
