"""Who trains, who validates, who tests: whole patients, stratified by label."""

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
"""The names that `split_cases` takes."""

_TEST_FRACTION = 0.2


def split_cases(
    cases: pd.DataFrame,
    how: str = "official",
    seed: int = 0,
    val_fraction: float = 0.2,
    k: int = 5,
    fold: int = 0,
) -> pd.DataFrame:
    """Gives each ROI its part: train, val or test.

    Args:
        cases: a case table with the dataset's own split.
        how: `"official"` keeps the dataset's test part, and its validation part where
            it has one; `"patient-kfold"` tests on fold `fold` of `k`; `"random-roi"`
            cuts ROI by ROI; `"augmented-first"` makes copies of each ROI and cuts copy
            by copy (for both see `LEAKY_SPLITS`).
        seed: of the draw.
        val_fraction: share of the training ROIs that become validation.
        k: number of folds of `"patient-kfold"`.
        fold: which fold is the test part, 0..k-1.

    Returns:
        A copy of the table with a new `split` column, rows in the same order; of
        `"augmented-first"` the table of `copy_rois`.

    Raises:
        UserError: if `how` is unknown, if the table breaks an invariant, if there are
            too few patients, or if a part would hold one label only.
    """
    if how == "official":
        validate(cases)
        has_validation = (cases["split"] == "val").any()
        result = (
            cases.copy()
            if has_validation
            else split_validation(cases, val_fraction, seed)
        )
    elif how == "patient-kfold":
        result = split_validation(
            patient_kfold(cases, k, fold, seed), val_fraction, seed
        )
    elif how == "random-roi":
        result = random_roi(cases, val_fraction, seed)
    elif how == "augmented-first":
        result = random_roi(copy_rois(cases, seed), val_fraction, seed)
    else:
        raise unknown_name("split", how, SPLITS)
    check_split(result, patients_apart=how not in LEAKY_SPLITS)
    return result


def drawn_split(seed: int) -> str:
    """What a dataset's own split is called where its test part was drawn by patient."""
    return f"drawn by patient (seed {seed})"


def split_origin(
    how: str = "official",
    own: str = "official",
    seed: int = 0,
    k: int = 5,
    fold: int = 0,
) -> str:
    """What a split is, in the words that stand beside every result on it.

    Args:
        how: as in `split_cases`, where `"official"` means the dataset's own split.
        own: what that is, see `Dataset.split`.
        seed: as in `split_cases`.
        k: as in `split_cases`.
        fold: as in `split_cases`.
    """
    if how == "official":
        return own
    if how == "patient-kfold":
        return f"{how}, test fold {fold} of 0 to {k - 1} (seed {seed})"
    return f"{how} (seed {seed})"


def split_hash(cases: pd.DataFrame) -> str:
    """Names a split, so that results on different ones are not compared unawares.

    Args:
        cases: a case table with its split.

    Returns:
        The first 12 hexadecimal digits of the SHA-256 over `roi_id,patient_id,label,
        split` of all ROIs, sorted; it does not depend on the order of rows.
    """
    columns = ["roi_id", "patient_id", "label", "split"]
    texts = (cases[column].astype(str) for column in columns)
    lines = sorted(map(",".join, zip(*texts, strict=True)))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def check_split(cases: pd.DataFrame, patients_apart: bool = True) -> None:
    """Checks that every part that is there can be learnt from or scored.

    Args:
        cases: a case table.
        patients_apart: as in `case_table.validate`.

    Raises:
        UserError: if the table is invalid, nothing is left to train on, or a part holds
            one label only.
    """
    validate(cases, patients_apart=patients_apart)
    for fault in split_faults(cases):
        raise UserError(f"{fault} Add cases.")


def split_faults(cases: pd.DataFrame) -> list[str]:
    """What keeps the parts that are there from being learnt from or scored.

    Args:
        cases: a case table.

    Returns:
        A sentence for each part that holds one label only, and if nothing is left to
        train on.
    """
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
    """Takes a validation part out of the training part, by patient, stratified.

    Args:
        cases: a case table; only its `train` rows change.
        fraction: share of the training ROIs to take; the nearest 1/n is used.
        seed: of the draw.

    Returns:
        A copy of the table with `"val"` in the rows that were taken.

    Raises:
        UserError: if the training part has fewer than two patients of a label.
    """
    return _hold_out(cases, "train", "val", fraction, seed)


def split_test(
    cases: pd.DataFrame, fraction: float = _TEST_FRACTION, seed: int = 0
) -> pd.DataFrame:
    """Takes a test part out of a table that has none, by patient, stratified.

    Args:
        cases: a case table whose rows are all `train`.
        fraction: share of the ROIs to take; the nearest 1/n is used.
        seed: of the draw.

    Returns:
        A copy of the table with `"test"` in the rows that were taken.

    Raises:
        UserError: if there are fewer than two patients of a label.
    """
    return _hold_out(cases, "train", "test", fraction, seed)


def patient_kfold(
    cases: pd.DataFrame, k: int = 5, fold: int = 0, seed: int = 0
) -> pd.DataFrame:
    """Tests on one of `k` groups of patients and trains on the others.

    Args:
        cases: a case table; its own split is ignored.
        k: number of folds, at least 2.
        fold: the fold to test on, 0..k-1. Each patient is tested in one fold only.
        seed: of the draw; the same for all folds of one cross-validation.

    Returns:
        A copy of the table with `"train"` and `"test"` in `split`.

    Raises:
        UserError: if `fold` is out of range or a label has fewer than `k` patients.
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
    result = _all_train(cases)
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

    # Large patients make the folds uneven: the first of those nearest to the request.
    best = min(range(folds), key=imbalance)
    if np.isinf(imbalance(best)):
        raise UserError(
            f"No cut of the patients into {source!r} and {target!r} was found with "
            "both labels in each. Expected: more patients of each label."
        )
    result = cases.copy()
    result.loc[pool.index[assigned == best], "split"] = target
    return result


def _folds(cases: pd.DataFrame, k: int, seed: int) -> NDArray[np.int64]:
    """Number of the fold of each row, by patient, the same in any order of rows."""
    labels = cases["label"].to_numpy(int)
    # Patients sorted by name and then shuffled: the draw depends on who is in the table
    # and on the seed, not on the order of rows. scikit-learn's own `shuffle` is not
    # used: in 1.5, still supported, it gives patients the label counts of others.
    _, patients = np.unique(cases["patient_id"].to_numpy(str), return_inverse=True)
    rng = np.random.default_rng(seed)
    groups = rng.permutation(patients.max() + 1)[patients]
    assigned = np.empty(len(cases), dtype=np.int64)
    splitter = StratifiedGroupKFold(k)
    for fold, (_, held) in enumerate(splitter.split(labels, labels, groups)):
        assigned[held] = fold
    # The largest patients are dealt first, to the first folds: number them anew.
    return rng.permutation(k)[assigned]


def _all_train(cases: pd.DataFrame) -> pd.DataFrame:
    """A copy whose rows are all `train`, in a column of the same dtype."""
    result = cases.copy()
    result.loc[:, "split"] = "train"
    return result


def _patients_of_scarcest_label(cases: pd.DataFrame) -> int:
    patients = cases.groupby("label")["patient_id"].nunique()
    return int(patients.reindex([0, 1], fill_value=0).min())
