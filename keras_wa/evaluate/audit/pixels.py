"""Reads the pixels for an audit, with facts about their files."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_wa.data import Dataset, Roi
from keras_wa.data.io.resize import resize
from keras_wa.data.pipeline.reading import Distribute, in_threads
from keras_wa.errors import UserError
from keras_wa.progress import ProgressBar

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
    distribute: Distribute | None = None,
) -> Pixels:
    """Reads the ROIs of a dataset and resizes them to squares of `size` pixels.

    At most `limit` ROIs are read, drawn at random by `seed`; None for all. The readable
    ones are in the order of the case table. `distribute` is how; None for threads of
    this process.
    """
    count = len(dataset.cases)
    wanted = np.arange(count)
    if limit is not None and limit < count:
        wanted = np.sort(np.random.default_rng(seed).permutation(count)[:limit])
    if distribute is None:
        distribute = functools.partial(in_threads, dataset)
    images = np.empty((len(wanted), size, size), dtype=np.uint8)
    position = {row: index for index, row in enumerate(wanted.tolist())}
    found: dict[int, _Read | UserError] = {}
    with ProgressBar(f"Reading {dataset.name}", len(wanted), progress) as bar:
        work = functools.partial(_read, dataset, size)
        for block, results in distribute(work, wanted.tolist()):
            for row, result in zip(block, results, strict=True):
                if not isinstance(result, UserError):
                    images[position[row]] = result.image
                    result = dataclasses.replace(result, image=None)
                found[row] = result
            bar.advance(len(block))
    each = [(row, found[row]) for row in position]
    read = [(row, one) for row, one in each if isinstance(one, _Read)]
    names = dataset.cases["roi_id"]
    rows = np.array([row for row, _ in read], dtype=np.int64)
    if len(rows) < len(wanted):
        images = images[np.isin(wanted, rows)]
    return Pixels(
        rows,
        images,
        pd.DataFrame(
            [one.sizes for _, one in read], columns=list(SIZES), dtype=np.float64
        ),
        pd.DataFrame(
            [one.file for _, one in read], columns=["path", "digest"], dtype="string"
        ),
        [
            (str(names.iloc[row]), str(one))
            for row, one in each
            if isinstance(one, UserError)
        ],
        [one.facts for _, one in read],
    )


@dataclasses.dataclass(frozen=True)
class _Read:
    """An ROI that was read; see `Pixels`."""

    image: NDArray[np.uint8] | None
    sizes: tuple[float, float, float, float]
    file: tuple[str | None, str | None]
    facts: dict[str, Any]


def _read(dataset: Dataset, size: int, rows: list[int]) -> list[_Read | UserError]:
    """Reads and resizes ROIs; returns an error for each unreadable one."""
    table = dataset.cases.iloc[rows]
    if dataset.read_block is not None:
        drawn = dataset.read_block(table)
        return [
            _measured(dataset, table.iloc[i], Roi(drawn[i]), size)
            for i in range(len(rows))
        ]
    results: list[_Read | UserError] = []
    for index in range(len(rows)):
        row = table.iloc[index]
        try:
            results.append(_measured(dataset, row, dataset.read(row), size))
        except UserError as error:
            results.append(error)
    return results


def _measured(dataset: Dataset, row: pd.Series, roi: Roi, size: int) -> _Read:
    path, digest = _image_file(row, roi)
    height, width = roi.pixels.shape
    sizes = (height, width, width / height, _bytes(dataset, path))
    image = resize(roi.pixels, (size, size))
    return _Read(image, sizes, (path, digest), roi.facts)


def _image_file(row: pd.Series, roi: Roi) -> tuple[str | None, str | None]:
    """Returns path and digest of the file with the pixels, not of a mask."""
    sources: dict[str, str] = roi.facts.get("sources", {})
    if pd.notna(row["image_path"]) and row["image_path"] in sources:
        return row["image_path"], sources[row["image_path"]]
    # A crop is read without its mask, with which it may be swapped.
    return next(iter(sources.items()), (None, None))


def _bytes(dataset: Dataset, path: str | None) -> float:
    if dataset.root is None or path is None:
        return np.nan
    try:
        return float((dataset.root / path).stat().st_size)
    except OSError:
        return np.nan
