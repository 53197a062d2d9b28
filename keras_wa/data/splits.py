"""Training, validation and test parts: by patient, stratified by label."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from keras_wa.data.case_table import PARTS, validate
from keras_wa.data.leaky_splits import LEAKY_SPLITS, copy_rois, random_roi
from keras_wa.errors import UserError, unknown_name

SPLITS = ("official", "patient-kfold", *LEAKY_SPLITS)
"""The names of splits."""

_TEST_FRACTION = 0.2


def split_cases(
    cases: pd.DataFrame,
    how: str = "official",
    seed: int = 0,
    val_fraction: float = 0.2,
    k: int = 5,
    fold: int = 0,
) -> pd.DataFrame:
    """Splits ROIs into train, val and test by patient, stratified by label.

    Args:
        cases: a case table with the data set's split.
        how: `"official"`: the data set's test part, and its validation part if there is
            one; `"patient-kfold"`: fold `fold` of `k` is the test part. Two splits have
            patient leakage, to show its effect: `"random-roi"` splits by ROI,
            `"augmented-first"` by flipped and rotated copies of ROIs.
        seed: seed of the split.
        val_fraction: share of the training ROIs for validation, in (0, 0.5].
        k: number of folds of `"patient-kfold"`, at least 2.
        fold: the test fold, 0 to `k - 1`.

    Returns:
        A copy of the table with a new `split` column and the rows in the same order;
        with `"augmented-first"`, six rows per ROI.

    Raises:
        UserError: `how` is unknown, the table is invalid, there are too few patients,
            or a part would have only one label.

    Example:
        >>> from keras_wa.data import new_case_table, split_cases
        >>> cases = new_case_table(
        ...     {"roi_id": i, "patient_id": i, "label": i % 2, "split": "train"}
        ...     for i in range(20)
        ... )
        >>> split = split_cases(cases, "patient-kfold", k=5, fold=0, val_fraction=0.25)
        >>> split["split"].value_counts().sort_index().to_dict()
        {'test': 4, 'train': 12, 'val': 4}
    """
    if how == "official":
        validate(cases)
        result = cases.copy()
        if not (cases["split"] == "val").any():
            result = split_validation(cases, val_fraction, seed)
    elif how == "patient-kfold":
        folds = patient_kfold(cases, k, fold, seed)
        result = split_validation(folds, val_fraction, seed)
    elif how == "random-roi":
        result = random_roi(cases, val_fraction, seed)
    elif how == "augmented-first":
        result = random_roi(copy_rois(cases, seed), val_fraction, seed)
    else:
        raise unknown_name("split", how, SPLITS)
    check_split(result, patients_apart=how not in LEAKY_SPLITS)
    return result


def drawn_split(seed: int) -> str:
    """Describes a data set's split whose test part was drawn by patient."""
    return f"drawn by patient (seed {seed})"


def split_origin(
    how: str = "official",
    own: str = "official",
    seed: int = 0,
    k: int = 5,
    fold: int = 0,
) -> str:
    """Describes a split, see `split_cases`, for display with results.

    `own` is the description of the data set's split, see `Dataset.split`.
    """
    if how == "official":
        return own
    if how == "patient-kfold":
        return f"{how}, test fold {fold} of 0 to {k - 1} (seed {seed})"
    return f"{how} (seed {seed})"


def split_hash(cases: pd.DataFrame) -> str:
    """Computes a digest of a split, to report with results.

    Args:
        cases: a case table with its split.

    Returns:
        The first 12 hexadecimal digits of the SHA-256 of `roi_id`, `patient_id`,
        `label` and `split` of all ROIs, sorted. The order of rows does not matter.

    Example:
        >>> from keras_wa.data import new_case_table, split_hash
        >>> row = {"roi_id": "a1", "patient_id": "a", "label": 1, "split": "train"}
        >>> split_hash(new_case_table([row]))
        'c8c36e5fe978'
    """
    columns = ["roi_id", "patient_id", "label", "split"]
    texts = (cases[column].astype(str) for column in columns)
    lines = sorted(map(",".join, zip(*texts, strict=True)))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def check_split(cases: pd.DataFrame, patients_apart: bool = True) -> None:
    """Raises a `UserError` if a table is invalid or has one of `split_faults`."""
    validate(cases, patients_apart=patients_apart)
    for fault in split_faults(cases):
        raise UserError(f"{fault} Add cases.")


def split_faults(cases: pd.DataFrame) -> list[str]:
    """Returns a sentence for each part with one label, and for no training part."""
    faults = []
    for part in PARTS:
        labels = cases.loc[cases["split"] == part, "label"]
        if labels.nunique() == 2 or (labels.empty and part != "train"):
            continue
        found = f"only label {labels.iloc[0]}" if len(labels) else "no ROI"
        faults.append(
            f"Part {part!r} of the split. Received: {found} in {len(labels)} ROIs; "
            "expected both labels."
        )
    return faults


def split_validation(
    cases: pd.DataFrame, fraction: float = 0.2, seed: int = 0
) -> pd.DataFrame:
    """Moves a share of the training part to validation, by patient, stratified.

    The nearest 1/n is used. The training part must have two patients of each label.
    """
    return _hold_out(cases, "train", "val", fraction, seed)


def split_test(
    cases: pd.DataFrame, fraction: float = _TEST_FRACTION, seed: int = 0
) -> pd.DataFrame:
    """Moves a share of a table without test part to test, like `split_validation`."""
    return _hold_out(cases, "train", "test", fraction, seed)


def patient_kfold(
    cases: pd.DataFrame, k: int = 5, fold: int = 0, seed: int = 0
) -> pd.DataFrame:
    """Splits into `k` folds of patients: `fold` is the test part, the others train.

    The split of the table is ignored. `fold` is 0 to `k - 1`. All folds of a
    cross-validation have the same seed.

    Raises:
        UserError: `fold` is out of range, or a label has fewer than `k` patients.
    """
    if not (k >= 2 and 0 <= fold < k):
        raise UserError(
            f"Fold of the patient-kfold split. Received: fold {fold} of {k}; expected "
            "at least 2 folds and a fold from 0 to k-1."
        )
    scarcest = _patients_of_scarcest_label(cases)
    if scarcest < k:
        raise UserError(
            f"Number of folds of the patient-kfold split. Received: k={k}; expected at "
            f"most {scarcest}, the number of patients of the scarcest label."
        )
    result = cases.copy()
    result.loc[:, "split"] = "train"  # Keeps the dtype.
    result.loc[_folds(cases, k, seed) == fold, "split"] = "test"
    return result


def _hold_out(
    cases: pd.DataFrame, source: str, target: str, fraction: float, seed: int
) -> pd.DataFrame:
    """Moves about `fraction` of the rows of part `source` to part `target`."""
    if not 0 < fraction <= 0.5:
        raise UserError(
            f"Share of the {target!r} part. Received: {fraction}; expected a number "
            "above 0 and at most 0.5."
        )
    pool = cases[cases["split"] == source]
    scarcest = _patients_of_scarcest_label(pool)
    if scarcest < 2:
        raise UserError(
            f"Too few patients to take the {target!r} part out of {source!r}. "
            f"Received: {scarcest} of one label; expected at least 2 patients of each "
            "label."
        )
    folds = min(max(round(1 / fraction), 2), scarcest)
    assigned = _folds(pool, folds, seed)
    labels = pool["label"].to_numpy(int)

    def imbalance(fold: int) -> float:
        held = assigned == fold
        if any(len(set(labels[rows])) < 2 for rows in (held, ~held)):
            return np.inf
        share = abs(held.mean() - fraction)
        return round(share + abs(labels[held].mean() - labels.mean()), 2)

    # Patients with many ROIs make folds uneven: take the one nearest to the request.
    best = min(range(folds), key=imbalance)
    if np.isinf(imbalance(best)):
        raise UserError(
            f"No split of the patients into {source!r} and {target!r} was found with "
            "both labels in each. Expected: more patients of each label."
        )
    result = cases.copy()
    result.loc[pool.index[assigned == best], "split"] = target
    return result


def _folds(cases: pd.DataFrame, k: int, seed: int) -> NDArray[np.int64]:
    """Returns the fold of each row, by patient, independent of the order of rows."""
    labels = cases["label"].to_numpy(int)
    # Patients are sorted, then shuffled, so that the order of rows does not matter. Not
    # by scikit-learn's `shuffle`: in 1.5, still supported, it gives patients the label
    # counts of others.
    _, patients = np.unique(cases["patient_id"].to_numpy(str), return_inverse=True)
    rng = np.random.default_rng(seed)
    groups = rng.permutation(patients.max() + 1)[patients]
    assigned = np.empty(len(cases), dtype=np.int64)
    splitter = StratifiedGroupKFold(k)
    for fold, (_, held) in enumerate(splitter.split(labels, labels, groups)):
        assigned[held] = fold
    # The largest patients go to the first folds: renumber them.
    return rng.permutation(k)[assigned]


def _patients_of_scarcest_label(cases: pd.DataFrame) -> int:
    patients = cases.groupby("label")["patient_id"].nunique()
    return int(patients.reindex([0, 1], fill_value=0).min())
