"""`keras-wa evaluate`, also `python evaluate.py`."""

from __future__ import annotations

import argparse
import functools
from typing import TYPE_CHECKING, Any

from keras_wa.cli.messages import say, warn
from keras_wa.cli.ray_flag import add_ray, on_ray, one_per_task
from keras_wa.cli.shared import (
    add_data_flags,
    add_resamples,
    add_threshold,
    as_rule,
    open_run,
)
from keras_wa.cli.starting import start_keras
from keras_wa.errors import UserError, may_pass
from keras_wa.progress import ProgressBar

if TYPE_CHECKING:
    from keras_wa.training.run import Run

EXAMPLE = "python evaluate.py runs/NAME"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    parser.add_argument(
        "runs", nargs="+", metavar="RUN", help="run directories of train.py"
    )
    parser.add_argument("--split", default="test", help="val or test (default: test)")
    add_threshold(parser, None, "that of the run, see keras-wa decide")
    add_resamples(parser)
    add_data_flags(parser)
    add_ray(parser)


def run(args: argparse.Namespace) -> int:
    """Evaluates a run and writes the results. Returns the exit code."""
    start_keras()
    runs = [open_run(args, path) for path in args.runs]
    rule = None if args.threshold is None else as_rule(args.threshold)
    verbose = 1 if args.ray is None else 0
    options = (args.split, rule, args.resamples, verbose, args.allow_changed_data)
    if args.ray is None:
        for run in runs:
            _show(run, args.split, *_evaluate(options, [run]))
        return 0
    found = {}
    with on_ray(args), ProgressBar("Evaluating", len(runs)) as bar:
        work = functools.partial(_evaluate_one, options)
        for (run,), (results,) in one_per_task(args)(work, runs):
            found[run.path] = results
            bar.advance()
    failed = [run for run in runs if isinstance(found[run.path], UserError)]
    for run in runs:
        if run not in failed:
            _show(run, args.split, found[run.path])
    if failed:
        errors = "; ".join(f"{run.path}: {found[run.path]}" for run in failed)
        raise UserError(f"{len(failed)} of {len(runs)} runs failed. {errors}")
    return 0


def _evaluate(options: tuple[Any, ...], runs: list[Run]) -> list[dict[str, Any]]:
    from keras_wa.evaluate.report.evaluate_run import evaluate_run

    return [evaluate_run(run, *options) for run in runs]


def _evaluate_one(options: tuple[Any, ...], runs: list[Run]) -> list[Any]:
    """Evaluates a run; returns its error if it fails, so that the others continue."""
    try:
        return _evaluate(options, runs)
    except UserError as error:
        if may_pass(error):
            raise
        return [error]


def _show(run: Run, split: str, results: dict[str, Any]) -> None:
    from keras_wa.evaluate import format_metrics
    from keras_wa.evaluate.report.verdict import best_number, warnings
    from keras_wa.evaluate.text import estimate

    two = run.config.views == "two"
    levels = ("roi", "lesion", "breast", "patient") if two else ("roi", "patient")
    say(format_metrics(results, levels))
    say(f"Split: {results['split_origin']}, hash {results['split_hash']}")
    best = best_number(results)
    if best is not None:
        auc = estimate(results["one_number_auc"][best])
        say(f"For comparison, the best single-feature baseline ({best}): AUC {auc}")
    warn(warnings(results))
    say(f"Written: {run.evaluation(split)}; open its report.html")
