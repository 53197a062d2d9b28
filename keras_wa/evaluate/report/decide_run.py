"""Changes the decision of a trained run: threshold and prediction sets."""

from __future__ import annotations

import json

from keras_wa.data.case_table import PARTS
from keras_wa.errors import UserError
from keras_wa.export.saved_model import update_decision
from keras_wa.training.best import load_best
from keras_wa.training.data import load_data_of
from keras_wa.training.decision import Decision, decide, write_decision
from keras_wa.training.run import Run


def decide_run(
    run: Run, rule: str | float = "youden", coverage: float = 0.9
) -> Decision:
    """Chooses the run's threshold and prediction sets anew, on the validation part.

    `decision.json` is written, and the card of the run's SavedModel, so that
    `evaluate`, `predict`, `serve` and the SavedModel use the same decision. Copies of
    the SavedModel, presets and reports that were written before keep theirs.

    Args:
        run: a run with a best model.
        rule: rule for the threshold, see `choose_threshold`, or the threshold itself.
        coverage: coverage of each class by the prediction sets, in (0, 1).

    Returns:
        The decision.

    Raises:
        UserError: no epoch was completed, the data have changed, or the threshold
            cannot be chosen with this rule.
    """
    if not 0 < coverage < 1:
        raise UserError(f"`coverage`. Received: {coverage}; expected between 0 and 1.")
    decision = decide(load_best(run), load_data_of(run), rule, coverage)
    write_decision(run, decision)
    update_decision(run)
    return decision


def other_reports(run: Run, decision: Decision) -> list[str]:
    """Returns the parts whose evaluation is at another threshold."""
    found = []
    for part in PARTS:
        try:
            text = (run.evaluation(part) / "metrics.json").read_text(encoding="utf-8")
            if json.loads(text)["threshold"]["value"] != decision.threshold:
                found.append(part)
        except (OSError, ValueError, KeyError, TypeError):
            continue  # Not evaluated.
    return found
