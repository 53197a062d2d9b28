"""`keras-wa decide`."""

from __future__ import annotations

import argparse
from typing import Any

from keras_wa.cli.messages import say, warn
from keras_wa.cli.shared import add_places, add_threshold, as_rule, open_run
from keras_wa.cli.starting import start_keras
from keras_wa.ranges import Range

EXAMPLE = "keras-wa decide runs/NAME --sensitivity 0.95"

_SHARE = Range(0, 1, above=True, below=True)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    parser.add_argument("run", metavar="RUN", help="run directory of train.py")
    rule = parser.add_mutually_exclusive_group()
    add_threshold(rule, None, "that of the run")
    for name in ("sensitivity", "specificity"):
        rule.add_argument(
            f"--{name}",
            metavar="S",
            help=f"the same as --threshold {name}:S",
        )
    parser.add_argument(
        "--coverage",
        type=_SHARE,
        metavar="SHARE",
        help="share of each class whose prediction set contains it (default: that of "
        "the run, 0.9 after training)",
    )
    add_places(parser)


def run(args: argparse.Namespace) -> int:
    """Changes the decision of a run. Returns the exit code."""
    start_keras()
    from keras_wa.evaluate.report.decide_run import decide_run, other_reports
    from keras_wa.training.decision import read_decision

    run = open_run(args)
    rule = None if args.threshold is None else as_rule(args.threshold)
    before = read_decision(run)
    for name in ("sensitivity", "specificity"):
        if getattr(args, name) is not None:
            rule = f"{name}:{getattr(args, name)}"
    decision = decide_run(run, rule, args.coverage)
    if before is not None:
        say(f"Before: {_described(before)}")
    say(f"Now:    {_described(decision)}")
    say("predict, serve and the run's SavedModel use this from now on.")
    warn(
        f"The report of the {part} part has the old decision. Evaluate it again: "
        f"`evaluate_run(run={str(run.path)!r}, split={part!r})`"
        for part in other_reports(run, decision)
    )
    return 0


def _described(decision: Any) -> str:
    text = f"malignant from {decision.threshold:.4g} ({decision.rule})"
    sets = decision.prediction_sets
    if sets is None:
        return text
    return (
        f"{text}; prediction sets of {sets.coverage:.0%}: benign up to "
        f"{sets.benign_up_to:.4g}, malignant from {sets.malignant_from:.4g}"
    )
