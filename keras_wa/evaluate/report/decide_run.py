"""Changes the decision of a trained run: threshold and prediction sets."""

from __future__ import annotations

import dataclasses
import json

from keras_wa.data.case_table import PARTS
from keras_wa.errors import UserError
from keras_wa.export.saved_model import update_decision
from keras_wa.training.best import load_best
from keras_wa.training.data import load_data_of
from keras_wa.training.decision import (
    COVERAGE,
    Decision,
    decide,
    read_decision,
    write_decision,
)
from keras_wa.training.run import Run


def decide_run(
    run: Run, rule: str | float | None = None, coverage: float | None = None
) -> Decision:
    """Changes the run's threshold and prediction sets, on the validation part.

    `decision.json` is written, and the card of the run's SavedModel, so that
    `evaluate`, `predict`, `serve` and the SavedModel use the same decision. Copies of
    the SavedModel, presets and reports that were written before keep theirs.

    Args:
        run: a run with a best model.
        rule: rule for the threshold, see `choose_threshold`, or the threshold itself;
            None keeps the threshold.
        coverage: coverage of each class by the prediction sets, in (0, 1); None keeps
            it.

    Returns:
        The decision.

    Raises:
        UserError: no epoch was completed, the data have changed, or the threshold
            cannot be chosen with this rule.
    """
    if coverage is not None and not 0 < coverage < 1:
        raise UserError(f"`coverage`. Received: {coverage}; expected between 0 and 1.")
    before = read_decision(run)
    if coverage is None:
        sets = None if before is None else before.prediction_sets
        coverage = COVERAGE if sets is None else sets.coverage
    model, data = load_best(run), load_data_of(run)
    decision = decide(model, data, "youden" if rule is None else rule, coverage)
    if rule is None and before is not None:
        decision = dataclasses.replace(
            decision, threshold=before.threshold, rule=before.rule
        )
    write_decision(run, decision)
    update_decision(run)
    return decision


def other_reports(run: Run, decision: Decision) -> list[str]:
    """Returns the parts that were evaluated with a different decision."""
    sets = decision.prediction_sets and dataclasses.asdict(decision.prediction_sets)
    found = []
    for part in PARTS:
        try:
            text = (run.evaluation(part) / "metrics.json").read_text(encoding="utf-8")
            record = json.loads(text)
            then = record["prediction_sets"] or {}
            same = all(then.get(key) == value for key, value in (sets or {}).items())
            if record["threshold"]["value"] != decision.threshold or not same:
                found.append(part)
        except (OSError, ValueError, KeyError, TypeError):
            continue  # Not evaluated.
    return found
