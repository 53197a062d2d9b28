"""Metrics of three classes, such as the pathologies of CBIS-DDSM."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from keras_wa.errors import UserError
from keras_wa.metrics.arguments import FloatArray, IntArray, as_group_codes
from keras_wa.metrics.bootstrap import percentile_interval
from keras_wa.metrics.resampling import draw_groups, in_threads, resampled_auc

THREE_CLASS_COLUMNS = ("p_0", "p_1", "p_2")
"""Columns of the probabilities; the true class is in `class`."""

# A float32 softmax of three sums to one within a few 1e-7.
_SUM_TOLERANCE = 1e-4

_CLASSES = (0, 1, 2)


def three_class_metrics(
    predictions: pd.DataFrame,
    n_resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """Scores predictions of three classes, with intervals by patient.

    Args:
        predictions: one row per ROI, with `patient_id`, `class` (0, 1 or 2), `p_0`,
            `p_1` and `p_2`. The predicted class has the highest probability; ties go to
            the first.
        n_resamples: number of resamples of the patients.
        seed: seed of the resampling.
        confidence: nominal coverage of the intervals.

    Returns:
        `confusion` (rows true, columns predicted), `accuracy`, `sensitivity` (one per
        class), `auc` (one per class, against the others) and `macro_auc`, their mean;
        each `{value, low, high}`, NaN if a class is absent.

    Raises:
        UserError: a class is not 0, 1 or 2, or probabilities are not in [0, 1] or do
            not sum to one.
    """
    classes, p = _checked(predictions)
    codes, n_groups = as_group_codes(predictions["patient_id"])
    # One resample that draws each ROI once.
    alone, once = np.arange(len(classes)), np.ones((1, len(classes)), np.int64)
    values = _resampled(classes, p, alone, once)
    chunks = in_threads(
        lambda counts: _resampled(classes, p, codes, counts),
        draw_groups(n_groups, len(classes), n_resamples, seed),
    )
    drawn = {name: np.concatenate([each[name] for each in chunks]) for name in values}

    def estimate(name: str) -> dict[str, float]:
        value = float(values[name][0])
        found = percentile_interval(value, drawn[name], n_groups, confidence)
        return found.to_record()

    called = p.argmax(axis=1)
    return {
        "confusion": [
            [int(np.sum((classes == true) & (called == call))) for call in _CLASSES]
            for true in _CLASSES
        ],
        "accuracy": estimate("accuracy"),
        "sensitivity": [estimate(f"sensitivity_{each}") for each in _CLASSES],
        "auc": [estimate(f"auc_{each}") for each in _CLASSES],
        "macro_auc": estimate("macro_auc"),
    }


def _resampled(
    classes: IntArray, p: FloatArray, codes: IntArray, counts: IntArray
) -> dict[str, FloatArray]:
    """Returns each metric of each resample, `(n_resamples,)`."""
    drawn = counts[:, codes]
    right = p.argmax(axis=1) == classes
    found = {"accuracy": drawn @ right / drawn.sum(axis=1)}
    for each in _CLASSES:
        own = classes == each
        size = (drawn @ own).astype(np.float64)
        size[size == 0] = np.nan
        found[f"sensitivity_{each}"] = drawn @ (own & right) / size
        labels = own.astype(np.int64)
        found[f"auc_{each}"] = resampled_auc(labels, p[:, each], codes, counts)
    found["macro_auc"] = np.mean([found[f"auc_{each}"] for each in _CLASSES], axis=0)
    return found


def _checked(predictions: pd.DataFrame) -> tuple[IntArray, FloatArray]:
    classes = pd.to_numeric(predictions["class"]).to_numpy(float, na_value=np.nan)
    p = predictions[list(THREE_CLASS_COLUMNS)].to_numpy(np.float64)
    wrong = ~np.isin(classes, _CLASSES)
    if wrong.any():
        row = int(wrong.argmax())
        raise UserError(
            f"The class of an ROI must be 0, 1 or 2. Received: {classes[row]} in row "
            f"{row}; expected {', '.join(THREE_CLASS_COLUMNS)} to belong to 0, 1 and 2."
        )
    bad = ~((p >= 0) & (p <= 1)).all(axis=1) | ~(
        np.abs(p.sum(axis=1) - 1) <= _SUM_TOLERANCE
    )
    if bad.any():
        row = int(bad.argmax())
        raise UserError(
            f"The three probabilities of an ROI must be a distribution. Received: "
            f"{p[row].tolist()} in row {row}; expected numbers in [0, 1] that sum to 1."
        )
    return classes.astype(np.int64), p
