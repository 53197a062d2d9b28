"""`keras-wa evaluate`, also `python evaluate.py`."""

from __future__ import annotations

import argparse

from keras_wa.cli.messages import say, warn
from keras_wa.cli.shared import (
    add_data_flags,
    add_resamples,
    add_threshold,
    as_rule,
    open_run,
)
from keras_wa.cli.starting import start_keras

EXAMPLE = "python evaluate.py runs/NAME"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    parser.add_argument("run", metavar="RUN", help="run directory of train.py")
    parser.add_argument("--split", default="test", help="val or test (default: test)")
    add_threshold(parser, None, "that of the run, see keras-wa decide")
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
    rule = None if args.threshold is None else as_rule(args.threshold)
    results = evaluate_run(
        run, args.split, rule, args.resamples, 1, args.allow_changed_data
    )
    say(format_metrics(results))
    say(f"Split: {results['split_origin']}, hash {results['split_hash']}")
    best = best_number(results)
    if best is not None:
        auc = estimate(results["one_number_auc"][best])
        say(f"For comparison, one number of the pixels ({best}) alone: AUC {auc}")
    warn(warnings(results))
    say(f"Written: {run.evaluation(args.split)}; open its report.html")
    return 0
