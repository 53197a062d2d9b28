"""What every dataset gives: a case table and the pixels of each of its ROIs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_wa.data.io.resize import resize
from keras_wa.data.sampling import sample_patients
from keras_wa.errors import UserError

Pixels = NDArray[np.uint8]


@dataclasses.dataclass(frozen=True)
class Roi:
    """The pixels of one ROI and what reading them found out.

    Attributes:
        pixels: (H, W) uint8.
        facts: values that JSON can hold. `sources`: relative path to the XXH3-128 of
            each file that was read; `pixel_spacing_mm` and `spacing_from`; `window`:
            left, top, width, height in pixels of the full image; `size_mm`: height and
            width of the ROI; `padding`: part of it beyond the image; `swapped`: crop
            and mask stood in each other's place; `mask_resized`; `notes`: sentences
            about its file that the user has to see.
    """

    pixels: Pixels
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A case table, what is to be said about it, and how to read its pixels.

    Attributes:
        name: as in the registry, such as `"folder"`.
        cases: the case table, with the dataset's own split. Paths in it are relative to
            `root`, so that the table is the same wherever the files lie.
        read: gives the ROI of one row (a `pandas.Series`); raises `UserError` if one of
            its files is bad.
        source: where the pixels come from, in values that JSON can hold; together with
            the files it decides the pixels.
        root: folder of the files, or `None` for a dataset that is computed.
        read_block: gives many rows at once as (N, H, W) uint8, for a dataset that is
            computed faster so.
        read_mask: gives the lesion of one row as bool (H, W), true in the lesion, pixel
            by pixel that of what `read` gives; raises `UserError` if the row has none.
            `None` for a dataset without masks.
        split: what the dataset's own split is: `"official"`, or where it is from.
        notes: sentences that the user has to see.
        skipped: files that were left out, each with the reason.
    """

    name: str
    cases: pd.DataFrame
    read: Callable[[pd.Series], Roi]
    source: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    root: Path | None = None
    read_block: Callable[[pd.DataFrame], Pixels] | None = None
    read_mask: Callable[[pd.Series], NDArray[np.bool_]] | None = None
    split: str = "official"
    notes: list[str] = dataclasses.field(default_factory=list)
    skipped: list[tuple[str, str]] = dataclasses.field(default_factory=list)


def lesion_mask(
    dataset: Dataset, row: pd.Series, size: tuple[int, int]
) -> NDArray[np.bool_]:
    """The lesion of one row in the pixels that its ROI has at another size.

    Args:
        dataset: where the row is from.
        row: a row of its case table.
        size: height and width in pixels.

    Returns:
        bool of shape `size`: a pixel is the lesion's if half of its area is.

    Raises:
        UserError: the data set has no masks, or the row's cannot be read.
    """
    if dataset.read_mask is None:
        raise UserError(f"{dataset.name} has no masks")
    marked = dataset.read_mask(row).astype(np.uint8) * 255
    return resize(marked, size) >= 128


def limit_patients(dataset: Dataset, limit: int, seed: int = 0) -> Dataset:
    """Keeps at most `limit` ROIs, taking whole patients.

    The patients are drawn from each part of the split and each label in proportion, so
    that a small sample looks like the whole; the rows keep their order.

    Args:
        dataset: the dataset to cut down.
        limit: the greatest number of ROIs.
        seed: of the draw.

    Returns:
        The same dataset with fewer rows and a note that says so; the dataset itself if
        it has no more than `limit` rows.

    Raises:
        UserError: if `limit` is so small that a part loses a label.
    """
    if limit < 1:
        raise UserError(f"`limit`. Received: {limit}; expected at least 1 ROI.")
    cases = dataset.cases
    if len(cases) <= limit:
        return dataset
    kept = sample_patients(cases, limit, ("split", "label"), "`limit`", seed)
    note = (
        f"Limited to {len(kept)} of {len(cases)} ROIs, "
        f"{kept['patient_id'].nunique()} of {cases['patient_id'].nunique()} patients."
    )
    return dataclasses.replace(dataset, cases=kept, notes=[*dataset.notes, note])
