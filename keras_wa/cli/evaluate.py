"""`keras-wa evaluate`, also `python evaluate.py`."""

from __future__ import annotations

import argparse
from typing import Any

from keras_wa.cli.messages import say, warn
from keras_wa.cli.shared import add_data_flags, add_resamples, open_run
from keras_wa.cli.starting import start_keras

EXAMPLE = "python evaluate.py runs/NAME"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    parser.add_argument("run", metavar="RUN", help="run directory of train.py")
    parser.add_argument("--split", default="test", help="val or test (default: test)")
    parser.add_argument(
        "--threshold",
        default="youden",
        metavar="RULE",
        help="rule for the threshold on the validation part: youden (default), f1, "
        "sensitivity:0.95, specificity:0.9, or a number that is used as it is",
    )
    add_resamples(parser)
    add_data_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Evaluates a run and writes the results. Returns the exit code."""
    start_keras()
    from keras_wa.evaluate import format_metrics
    from keras_wa.evaluate.report.evaluate_run import evaluate_run
    from keras_wa.evaluate.report.verdict import best_number, warnings
    from keras_wa.evaluate.text import estimate

    run = open_run(args)
    rule = _rule(args.threshold)
    results = evaluate_run(
        run, args.split, rule, args.resamples, 1, args.allow_changed_data
    )
    say(format_metrics(results))
    say(f"Split: {results['split_origin']}, hash {results['split_hash']}")
    best = best_number(results)
    if best is not None:
        auc = estimate(results["one_number_auc"][best])
        say(f"For comparison, one number of the pixels ({best}) alone: AUC {auc}")
    warn([*_other_threshold(run, results), *warnings(results)])
    say(f"Written: {run.evaluation(args.split)}; open its report.html")
    return 0


def _other_threshold(run: Any, results: dict[str, Any]) -> list[str]:
    """Returns a note if `predict` uses another threshold than this evaluation."""
    from keras_wa.training.decision import read_decision

    here, kept = results["threshold"], read_decision(run)
    if kept is None or kept.rule == here["rule"]:
        return []
    return [
        f"This evaluation calls malignant from {here['value']:.3f} ({here['rule']}). "
        "predict, serve and the SavedModel keep the run's own threshold, "
        f"{kept.threshold:.3f} ({kept.rule})."
    ]


def _rule(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text
