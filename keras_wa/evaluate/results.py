"""Evaluates predictions: the content of metrics.json."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from keras_wa import __version__
from keras_wa.errors import UserError
from keras_wa.evaluate.levels import LEVELS, Pooling, aggregate
from keras_wa.evaluate.prediction_sets import measure_sets
from keras_wa.evaluate.references import reference_lines
from keras_wa.evaluate.subgroups import subgroup_metrics
from keras_wa.files import without_nan
from keras_wa.metrics.calibration import (
    apply_temperature,
    brier_score,
    expected_calibration_error,
    fit_temperature,
    log_loss,
    reliability_table,
)
from keras_wa.metrics.decision_curve import decision_curve
from keras_wa.metrics.prediction_sets import PredictionSets
from keras_wa.metrics.three_class import three_class_metrics
from keras_wa.metrics.units import FEW_PATIENTS, score_units

FORMAT = 2
"""Version of the record's layout; `docs/metrics.schema.json` describes it."""

PREDICTION_COLUMNS = ("roi_id", "patient_id", "label", "probability")
"""Required columns of a table of predictions."""

THREE_CLASS_COLUMNS = ("p_0", "p_1", "p_2")
"""Probabilities of three classes in a table of predictions."""

_BINS = 10

_ENOUGH_RESAMPLES = 2000


def evaluate_predictions(
    predictions: pd.DataFrame,
    threshold: float,
    threshold_rule: str,
    n_resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
    *,
    val_predictions: pd.DataFrame | None = None,
    prediction_sets: PredictionSets | None = None,
    learning_cases: pd.DataFrame | None = None,
    best_possible_auc: float | None = None,
    pooling: Pooling = "max",
) -> dict[str, Any]:
    """Computes all results of a table of predictions, the content of `metrics.json`.

    Args:
        predictions: one row per ROI, with the columns `roi_id` (unique), `patient_id`,
            `label` (0 or 1) and `probability` (of the positive class, in [0, 1]).
            Optional: `breast`, `view` and `lesion` (its number in the breast) for the
            levels between ROI and patient, the columns of `SUBGROUP_COLUMNS`, and
            `p_0, p_1, p_2, class` for three classes.
        threshold: decision threshold; positive if `probability >= threshold`, at every
            level.
        threshold_rule: how it was chosen, for example `"youden on validation"`.
        n_resamples: number of bootstrap resamples.
        seed: seed of the resampling.
        confidence: nominal coverage of the intervals, in (0, 1).
        val_predictions: predictions of the validation part, to fit the temperature;
            None for no temperature.
        prediction_sets: those that were fitted on the validation part; None for none.
        learning_cases: case table of training ROIs for the references, of no patient
            in `predictions`; None for no references.
        best_possible_auc: largest expected AUC of any classifier on a phantom.
        pooling: how the probabilities of ROIs are pooled, see `aggregate`.

    Returns:
        The record that `docs/metrics.schema.json` describes, ready for strict JSON;
        undefined values are None. `n_rois, n_patients, prevalence, metrics, auc_delong,
        counts` are those of the ROIs, equal to `levels["roi"]`.

    Raises:
        UserError: a probability is missing or infinite.
        ValueError: a column is missing, an ROI is repeated or a value malformed.
    """
    check_predictions(predictions)
    options: dict[str, Any] = {
        "n_resamples": n_resamples,
        "seed": seed,
        "confidence": confidence,
    }
    levels = {
        name: _level(predictions, name, pooling, threshold, options) for name in LEVELS
    }
    rois = levels["roi"]
    calibration, scaled = _calibration(predictions, val_predictions)
    results: dict[str, Any] = {
        "format": FORMAT,
        "keras_wa": __version__,
        "n_rois": rois["n"],
        "n_patients": rois["n_patients"],
        "prevalence": rois["n_positive"] / rois["n"],
        "threshold": {
            "value": float(threshold),
            "rule": threshold_rule,
            "positive_if": "probability >= threshold",
        },
        "metrics": rois["metrics"],
        "auc_delong": rois["auc_delong"],
        "counts": rois["counts"],
        "confidence": confidence,
        "bootstrap": {
            "kind": "patient-cluster expanded percentile",
            "n_resamples": n_resamples,
            "seed": seed,
            "n_dropped": rois["n_dropped"],
        },
        "delong": "clustered by patient (Obuchowski 1997), on the logit scale",
        "pooling": pooling,
        "levels": levels,
        "calibration": calibration,
        "prediction_sets": None
        if prediction_sets is None
        else measure_sets(predictions, prediction_sets, **options),
        "decision_curve": _decision_curve(predictions, scaled),
        "subgroups": subgroup_metrics(predictions, threshold, **options),
        "references": []
        if learning_cases is None
        else reference_lines(
            learning_cases, predictions, best_possible_auc=best_possible_auc, **options
        ),
        "three_class": _three_class(predictions, options),
        "warnings": [
            *_warnings(rois, predictions, val_predictions, n_resamples),
            *(
                [prediction_sets.caveat]
                if prediction_sets and prediction_sets.caveat
                else []
            ),
        ],
    }
    return without_nan(results)


def check_predictions(predictions: pd.DataFrame) -> None:
    """Checks the columns, the ROIs and the probabilities of a table of predictions."""
    missing = [name for name in PREDICTION_COLUMNS if name not in predictions]
    if missing:
        raise ValueError(
            f"predictions must have the columns {', '.join(PREDICTION_COLUMNS)}. "
            f"Received: a table without {', '.join(missing)}"
        )
    repeated = predictions["roi_id"].duplicated()
    if repeated.any():
        name = predictions.loc[repeated, "roi_id"].iloc[0]
        raise ValueError(f"roi_id must be unique. Received: {name!r} more than once")
    finite = [not pd.isna(p) and math.isfinite(p) for p in predictions["probability"]]
    if not all(finite):
        bad = predictions.iloc[finite.index(False)]
        raise UserError(
            f"The probability of ROI {bad['roi_id']!r} is not a number. "
            f"Received: {bad['probability']}; expected one in [0, 1]. "
            "A model whose training diverged predicts such values: train it again."
        )


def _level(
    predictions: pd.DataFrame,
    name: str,
    pooling: Pooling,
    threshold: float,
    options: dict[str, Any],
) -> dict[str, Any]:
    level = aggregate(predictions, name, pooling)
    if level.table is None:
        return {"left_out": level.reason}
    return score_units(level.table, threshold, **options)


def _calibration(
    predictions: pd.DataFrame, val_predictions: pd.DataFrame | None
) -> tuple[dict[str, Any], Any]:
    """Returns the record, and the temperature-scaled probabilities or None."""
    labels, probabilities = predictions["label"], predictions["probability"]
    temperature, scaled, reason = None, None, ""
    if val_predictions is None:
        reason = "there are no predictions of the validation part"
    elif val_predictions["label"].nunique() < 2:
        reason = "the validation part is all of one class"
    else:
        check_predictions(val_predictions)
        temperature = fit_temperature(
            val_predictions["label"], val_predictions["probability"]
        )
        scaled = apply_temperature(probabilities, temperature)
    record = {
        "n_bins": _BINS,
        "as_predicted": _calibrated(labels, probabilities),
        "temperature": temperature,
        "temperature_scaled": None if scaled is None else _calibrated(labels, scaled),
        "reason": reason,
    }
    return record, scaled


def _calibrated(labels: Any, probabilities: Any) -> dict[str, Any]:
    table = reliability_table(labels, probabilities, _BINS)
    return {
        "brier": brier_score(labels, probabilities),
        "log_loss": log_loss(labels, probabilities),
        "ece_equal_mass": expected_calibration_error(labels, probabilities, _BINS),
        "ece_equal_width": expected_calibration_error(
            labels, probabilities, _BINS, "equal-width"
        ),
        "reliability": table.to_dict("records"),
    }


def _decision_curve(predictions: pd.DataFrame, scaled: Any) -> dict[str, Any]:
    """Returns the columns of the curve; the model's with and without temperature."""
    table = decision_curve(predictions["label"], predictions["probability"])
    curve: dict[str, Any] = {
        str(name): values.tolist() for name, values in table.items()
    }
    curve["as_predicted"] = curve.pop("model")
    curve["temperature_scaled"] = (
        None
        if scaled is None
        else decision_curve(predictions["label"], scaled)["model"].tolist()
    )
    return curve


def _three_class(
    predictions: pd.DataFrame, options: dict[str, Any]
) -> dict[str, Any] | None:
    """Returns the metrics of three classes; None for a table of two."""
    if not {*THREE_CLASS_COLUMNS, "class"} <= set(predictions.columns):
        return None
    p = predictions[list(THREE_CLASS_COLUMNS)]
    try:
        found = three_class_metrics(
            predictions["class"], p, predictions["patient_id"], **options
        )
    except ValueError as error:
        raise UserError(f"Predictions of three classes: {error}") from error
    return {
        "confusion": found.pop("confusion"),
        **{
            name: [one.to_record() for one in each]
            if isinstance(each, list)
            else each.to_record()
            for name, each in found.items()
        },
    }


def _warnings(
    rois: dict[str, Any],
    predictions: pd.DataFrame,
    val_predictions: pd.DataFrame | None,
    n_resamples: int,
) -> list[str]:
    warnings = []
    n_patients = rois["n_patients"]
    if n_patients < FEW_PATIENTS:
        warnings.append(
            f"These ROIs are of {n_patients} patients only. With fewer than "
            f"{FEW_PATIENTS} the intervals are unreliable."
        )
    if n_resamples < _ENOUGH_RESAMPLES:
        warnings.append(
            f"The limits of the intervals are rough: {n_resamples} resamples; "
            f"{_ENOUGH_RESAMPLES} are recommended."
        )
    if val_predictions is not None and set(val_predictions["roi_id"]) & set(
        predictions["roi_id"]
    ):
        warnings.append(
            "The threshold, the temperature and the prediction sets were chosen on "
            "these ROIs: results that depend on them are optimistic."
        )
    return warnings
