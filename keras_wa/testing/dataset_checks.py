"""Conformance test for a dataset's reader."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from keras_wa.data import Dataset, ReadOptions, Roi, load_cases
from keras_wa.data.case_table import COLUMNS, validate
from keras_wa.errors import UserError

Reader = Callable[[Any, ReadOptions, int], Dataset]


def run_dataset_test(
    reader: str | Reader,
    root: str | os.PathLike[str] | None = None,
    options: ReadOptions | None = None,
    *,
    seed: int = 0,
    pixels: int = 8,
) -> Dataset:
    """Checks that a reader fulfils what splits, training and evaluation rely on.

    The case table must have every column in its dtype, a unique id per ROI, both
    labels, each patient in one part of the split, and paths relative to the root. The
    description must be valid JSON. ROIs must be uint8 of rank 2, and a mask must have
    the size of its ROI. Reading again, through a symbolic link to a folder, must give
    the same.

    Args:
        reader: name of a dataset, or a function of the root, the options and the seed
            of the test part.
        root: folder or file of the dataset; None for a phantom.
        options: options of the reader; by default `ReadOptions()`.
        seed: seed of the draw of the test part.
        pixels: number of ROIs to read, from the start of the table.

    Returns:
        The dataset, for further checks.

    Raises:
        AssertionError: a check fails.
        UserError: the case table is invalid, or a file cannot be read.

    Example:
        >>> from pathlib import Path
        >>> from keras_wa.testing import run_dataset_test
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for index in range(20):
        ...         folder = Path(root) / ("benign", "malignant")[index % 2]
        ...         folder.mkdir(exist_ok=True)
        ...         Image.new("L", (8, 8), index).save(folder / f"{index}.png")
        ...     dataset = run_dataset_test("folder", root)
        >>> len(dataset.cases)
        20
    """
    first = _read(reader, root, options, seed)
    with tempfile.TemporaryDirectory() as folder:
        link = root
        if root is not None and Path(root).is_dir():
            link = Path(folder) / "link"
            link.symlink_to(Path(root).resolve(), target_is_directory=True)
        again = _read(reader, link, options, seed)
        for _, row in first.cases[:pixels].iterrows():
            _check_roi(first, again, row)
    cases = first.cases
    assert dict(cases.dtypes.items()) == COLUMNS, "columns and dtypes: `new_case_table`"
    assert list(cases.index) == list(range(len(cases))), "the index must be 0 to N-1"
    validate(cases, first.name)
    assert set(cases["label"]) == {0, 1}, "both labels are needed"
    for column in ("image_path", "crop_path", "mask_path"):
        for path in cases[column].dropna():
            absolute = path.startswith("/") or "\\" in path
            inside = not absolute and ".." not in PurePosixPath(path).parts
            assert inside, f"{column} {path!r}: not below the root"
    assert all((first.name, first.split)), "`name` and `split` must not be empty"
    assert all(map(str.strip, first.notes)), "`notes` must not be empty texts"
    assert all(name and reason for name, reason in first.skipped), "`skipped`: reasons"
    json.dumps(dict(first.source))
    assert cases.equals(again.cases), "read again, the case table differs"
    for field in ("name", "source", "split", "notes", "skipped"):
        same = getattr(first, field) == getattr(again, field)
        assert same, f"read again, `{field}` differs"
    if first.read_block is not None and pixels:
        block = first.read_block(cases[:pixels])
        for roi, (_, row) in zip(block, cases[:pixels].iterrows(), strict=True):
            assert np.array_equal(roi, first.read(row).pixels), "`read_block` differs"
    return first


def _read(
    reader: str | Reader, root: Any, options: ReadOptions | None, seed: int
) -> Dataset:
    if isinstance(reader, str):
        return load_cases(reader, root, options=options, seed=seed)
    return reader(root, options or ReadOptions(), seed)


def _check_roi(dataset: Dataset, again: Dataset, row: pd.Series) -> None:
    name, roi = row["roi_id"], dataset.read(row)
    assert isinstance(roi, Roi), f"ROI {name!r} is a {type(roi).__name__}"
    kind = (roi.pixels.dtype, roi.pixels.ndim)
    assert kind == (np.uint8, 2), f"ROI {name!r} is {kind[0]} of rank {kind[1]}"
    assert roi.pixels.size, f"ROI {name!r} is empty"
    json.dumps(roi.facts)
    same = again.read(row)
    assert np.array_equal(roi.pixels, same.pixels), f"ROI {name!r}, read again, differs"
    assert roi.facts == same.facts, f"ROI {name!r}, read again, has other facts"
    if dataset.read_mask is None:
        return
    try:
        mask = dataset.read_mask(row)
    except UserError:  # The ROI has no mask.
        return
    assert mask.dtype == np.bool_, f"the mask of ROI {name!r} is {mask.dtype}"
    assert mask.shape == roi.pixels.shape, f"the mask of ROI {name!r}: {mask.shape}"
