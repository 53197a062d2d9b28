"""Random ROIs of one part of a run's split, and their masks."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_wa.data.io.symmetries import apply_symmetry
from keras_wa.errors import UserError
from keras_wa.progress import track

if TYPE_CHECKING:
    from keras_wa.data import Dataset
    from keras_wa.training.data import RunData

Mask = NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class RoiSample:
    """ROIs: their case table, and the enhanced pixels, uint8 `(n, H, W)`."""

    cases: pd.DataFrame
    pixels: NDArray[np.uint8]

    @functools.cached_property
    def rois(self) -> NDArray[np.float32]:
        """The pixels in [0, 1], float32 `(n, H, W)`."""
        return self.pixels.astype(np.float32) / np.float32(255)

    @property
    def labels(self) -> NDArray[np.int64]:
        """0 benign, 1 malignant, `(n,)`."""
        return self.cases["label"].to_numpy("int64")

    @property
    def patients(self) -> NDArray[Any]:
        """Patient identifiers, `(n,)`."""
        return self.cases["patient_id"].to_numpy()


def draw_sample(data: RunData, split: str, n: int, seed: int = 0) -> RoiSample:
    """Draws `n` ROIs of a part, or all of fewer, in the order of the table."""
    cases = data.require_cases_of(split)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(cases))[:n])
    pixels = data.part(split).read(chosen)
    return RoiSample(cases.iloc[chosen].reset_index(drop=True), pixels)


def read_masks(
    dataset: Dataset, sample: RoiSample
) -> tuple[list[Mask | None], str | None]:
    """Reads the masks of ROIs, resized like the ROIs.

    Returns:
        The mask of each ROI, bool `(H, W)`, or `None` if it is missing, unreadable or
        empty at this size; and a sentence on missing masks, or `None`.
    """
    from keras_wa.data.dataset import lesion_mask

    if dataset.read_mask is None:
        note = "This data set has no masks: the position of the heat was not scored."
        return [None] * len(sample.cases), note
    rows = dataset.cases.set_index("roi_id", drop=False)
    masks: list[Mask | None] = []
    reasons: list[str] = []
    for _, case in track(sample.cases.iterrows(), "Reading masks", len(sample.cases)):
        roi_id = case["roi_id"]
        try:
            # A copy that was made by the split is a rotation or flip of its source.
            source = rows.loc[case.get("source_roi_id", roi_id)]
            found = lesion_mask(dataset, source, sample.pixels.shape[1:])
        except UserError as error:
            masks.append(None)
            reasons.append(str(error))
            continue
        moved = apply_symmetry(found.view(np.uint8), int(case.get("symmetry", 0)))
        mask = moved > 0
        masks.append(mask if mask.any() else None)
        if not mask.any():
            reasons.append(f"{roi_id}: no pixel of its mask is left at this size")
    if not reasons:
        return masks, None
    note = f"{len(reasons)} ROIs without a mask were not scored: {reasons[0]}"
    return masks, note if len(reasons) == 1 else f"{note}, and others."
