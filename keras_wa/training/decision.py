"""The decision record of a trained model: threshold, calibration, prediction sets."""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path
from typing import Any

import keras

from keras_wa.errors import UserError
from keras_wa.files import write_json
from keras_wa.metrics import (
    PredictionSets,
    choose_threshold,
    fit_prediction_sets,
    fit_temperature,
)
from keras_wa.metrics.baselines import single_feature_statistics
from keras_wa.training.best import load_best
from keras_wa.training.data import RunData
from keras_wa.training.run import Run
from keras_wa.training.scoring import score

_log = logging.getLogger(__name__)

FILE = "decision.json"
"""File name of the decision in a run directory."""

COVERAGE = 0.9
"""Coverage of the prediction sets of a training."""

_TAILS = (0.005, 0.995)
# Maximum number of ROIs for the statistics, enough for the quantiles.
_MOST = 5000


@dataclasses.dataclass(frozen=True)
class Decision:
    """Threshold, calibration, prediction sets, and statistics of the training ROIs.

    Attributes:
        threshold: threshold on the uncalibrated probability; at or above it, an ROI is
            malignant.
        rule: how the threshold was chosen on the validation part.
        temperature: argument of `keras_wa.metrics.apply_temperature`, fitted on the
            validation part.
        n_validation: number of validation ROIs.
        grey: statistic of `single_feature_statistics` -> limits of the central 99 % of
            the training ROIs, in grey levels before enhancement, at the model's image
            size.
        prediction_sets: those of the uncalibrated probability, fitted on the validation
            part; None in records of earlier versions.
    """

    threshold: float
    rule: str
    temperature: float
    n_validation: int
    grey: dict[str, list[float]]
    prediction_sets: PredictionSets | None = None

    @classmethod
    def from_mapping(cls, record: Any, origin: str) -> Decision:
        """Builds a decision from the output of `dataclasses.asdict`.

        Raises:
            UserError: the record is invalid.
        """
        try:
            sets = record.get("prediction_sets")
            names = {f.name for f in dataclasses.fields(cls)} - {"prediction_sets"}
            return cls(
                **{name: record[name] for name in names},
                prediction_sets=None if sets is None else PredictionSets(**sets),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{origin}: the decision cannot be read ({error}). Evaluate the run "
                "again with `evaluate_run`."
            ) from error


def decide(
    model: keras.Model,
    data: RunData,
    rule: str | float = "youden",
    coverage: float = COVERAGE,
) -> Decision:
    """Chooses the threshold, and fits temperature and prediction sets, on validation.

    Args:
        model: the run's best model.
        data: the run's ROIs.
        rule: rule for the threshold, see `choose_threshold`.
        coverage: coverage of the prediction sets, see `fit_prediction_sets`; a warning
            is logged if the validation part has too few patients to guarantee it.
    """
    val = score(model, data, "val")
    labels, probabilities = val["label"], val["probability"]
    train = data.raw_part("train").view(slice(_MOST))
    quantiles = single_feature_statistics(train).quantile(list(_TAILS))
    sets = fit_prediction_sets(labels, probabilities, val["patient_id"], coverage)
    if sets.caveat:
        _log.warning(sets.caveat)
    return Decision(
        threshold=choose_threshold(labels, probabilities, rule),
        rule=rule_name(rule),
        temperature=fit_temperature(labels, probabilities),
        n_validation=len(val),
        grey={str(name): list(quantiles[name]) for name in quantiles},
        prediction_sets=sets,
    )


def rule_name(rule: str | float) -> str:
    """Returns how a threshold was chosen, such as `youden on validation`."""
    return f"{rule} on validation" if isinstance(rule, str) else "given"


def make_decision(run: Run, data: RunData) -> None:
    """Computes and writes `decision.json` of a completed run."""
    write_decision(run, decide(load_best(run), data))


def write_decision(run: Run, decision: Decision) -> None:
    """Writes a decision to `decision.json` of a run."""
    write_json(run.path / FILE, dataclasses.asdict(decision))


def read_decision(run: Run) -> Decision | None:
    """Reads the decision of a run; `None` if there is none.

    Raises:
        UserError: the file cannot be read.
    """
    return read_decision_file(run.path / FILE)


def read_decision_file(path: Path) -> Decision | None:
    """Reads a decision from a file; `None` if the file does not exist."""
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}).") from error
    return Decision.from_mapping(record, str(path))
