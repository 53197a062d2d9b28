"""Splits with patient leakage, to show how much it inflates results."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from keras_wa.data.io.symmetries import SYMMETRIES
from keras_wa.errors import UserError

COPIES = 6
"""Copies of each ROI in `augmented-first`, the original included."""

LEAKY_SPLITS = {
    "random-roi": "Split random-roi: ROIs of the same patient are in training and in "
    "test, so every number on this page is inflated. It exists to show by how much; "
    "use the split 'official' or 'patient-kfold' for a result.",
    "augmented-first": "Split augmented-first: each ROI was rotated and mirrored into "
    f"{COPIES} copies before a random split, so copies of one ROI are in training and "
    "in test, and every number on this page is inflated. It exists to show by how "
    "much; use the split 'official' or 'patient-kfold' for a result.",
}
"""The splits with patient leakage, each with its warning on every page."""

_TEST_FRACTION = 0.2


def random_roi(cases: pd.DataFrame, val_fraction: float, seed: int) -> pd.DataFrame:
    """Splits at random by row; the test part has the size of the data set's own.

    Without a test part, a fifth of the rows becomes test; `val_fraction` of
    the training rows becomes val. Too few rows are a `UserError`.
    """
    test_share = float((cases["split"] == "test").mean()) or _TEST_FRACTION
    result = cases.copy()
    result.loc[:, "split"] = "train"
    for part, fraction in (("test", test_share), ("val", val_fraction)):
        pool = result[result["split"] == "train"]
        try:
            _, held = train_test_split(
                pool.index,
                test_size=fraction,
                stratify=pool["label"].to_numpy(int),
                random_state=seed,
            )
        except ValueError as error:
            raise UserError(
                f"Too few ROIs for the {part!r} part of a random split: {error}"
            ) from error
        result.loc[held, "split"] = part
    return result


def copy_rois(cases: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Copies each ROI `COPIES` times: the original and five flips and rotations.

    Returns:
        `COPIES` rows for each row of the table, in order, with the index 0 to 6N-1 and
        two new columns: `source_roi_id`, and `symmetry`, 0 to 7, see
        `keras_wa.data.io.symmetries.apply_symmetry`; 0 is the original. `roi_id` is
        `<source_roi_id>#<symmetry>`. Paths and boxes are those of the source.
    """
    rng = np.random.default_rng(seed)
    others = np.tile(np.arange(1, SYMMETRIES), (len(cases), 1))
    drawn = rng.permuted(others, axis=1)[:, : COPIES - 1]
    symmetries = np.column_stack([np.zeros(len(cases), int), drawn]).ravel()
    result = cases.loc[cases.index.repeat(COPIES)].reset_index(drop=True)
    result["source_roi_id"] = result["roi_id"]
    result["symmetry"] = pd.array(symmetries, dtype="Int64")
    suffix = pd.Series(symmetries).astype(str).astype(result["roi_id"].dtype)
    result["roi_id"] = result["source_roi_id"] + "#" + suffix
    return result
