"""A data set: a case table and the pixels of each ROI."""

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
    """The pixels of one ROI, with facts about its files.

    Attributes:
        pixels: grey levels, uint8 `(height, width)`.
        facts: JSON values, all optional. `sources`: relative path -> XXH3-128 of each
            file that was read; `pixel_spacing_mm` and `spacing_from`; `window`: left,
            top, width, height in pixels of the full image; `size_mm`: height and width
            of the ROI; `padding`: share of the ROI outside the image; `swapped`:
            whether crop and mask were swapped; `mask_resized`; `notes`: messages for
            the user.

    Example:
        >>> import numpy as np
        >>> from keras_wa.data import Roi
        >>> roi = Roi(np.zeros((64, 64), "uint8"), facts={"size_mm": [25.6, 25.6]})
        >>> roi.pixels.shape
        (64, 64)
    """

    pixels: Pixels
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A case table, and functions that read its pixels.

    `load_cases` creates those of the built-in data sets.

    Attributes:
        name: name of the data set, such as `"folder"`.
        cases: the case table with the data set's split, see `new_case_table`. Paths are
            relative to `root`.
        read: function of a row (`pandas.Series`) that returns its `Roi`; raises
            `UserError` for a bad file.
        source: JSON values that, with the files, determine the pixels.
        root: folder of the files; None if the data set is computed.
        read_block: optional function of a table of rows that returns their pixels,
            uint8 `(n, height, width)`, if that is faster.
        read_mask: optional function of a row that returns its lesion mask, bool
            `(height, width)`, of the size of the ROI; raises `UserError` if there is
            none.
        split: origin of the data set's split: `"official"`, or a description.
        notes: messages for the user.
        skipped: files that were left out, each with the reason.

    Example:
        >>> import numpy as np
        >>> from keras_wa.data import Dataset, Roi, new_case_table
        >>> cases = new_case_table(
        ...     {"roi_id": i, "patient_id": i, "label": i % 2, "split": "train"}
        ...     for i in range(10)
        ... )
        >>> def read(row):
        ...     return Roi(np.full((32, 32), 100 + int(row["roi_id"]), "uint8"))
        >>> dataset = Dataset("mine", cases, read)
        >>> dataset.read(dataset.cases.iloc[3]).pixels[0, 0].item()
        103
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
    """Returns the lesion mask of one row, resized.

    It is bool, of `size` (height, width), true where at least half of a pixel's area is
    lesion. Without masks there is a `UserError`.
    """
    if dataset.read_mask is None:
        raise UserError(f"{dataset.name} has no masks")
    marked = dataset.read_mask(row).astype(np.uint8) * 255
    return resize(marked, size) >= 128


def limit_patients(dataset: Dataset, limit: int, seed: int = 0) -> Dataset:
    """Keeps at most `limit` ROIs, of whole patients, and adds a note.

    Patients are sampled in proportion from each part of the split and each label. The
    rows keep their order.

    Raises:
        UserError: `limit` is so small that a part loses a label.
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
