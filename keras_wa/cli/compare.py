"""`keras-wa compare`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from keras_wa.cli.flags import add_config, add_settings, given_settings
from keras_wa.cli.messages import say, warn
from keras_wa.cli.ray_flag import add_ray, on_ray, one_per_task
from keras_wa.cli.shared import add_resamples, choose_dataset
from keras_wa.cli.starting import start_keras
from keras_wa.errors import UserError, unknown_name
from keras_wa.files import make_folder
from keras_wa.ranges import Range
from keras_wa.training.config import TrainConfig

EXAMPLE = (
    "keras-wa compare --models resnet50,wa_resnet50,wa_resnet50:se_position=none "
    "--seeds 5 --config configs/quick.toml --out comparisons/quick"
)

_OWN = ("model", "seed", "split")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    parser.add_argument(
        "runs",
        nargs="*",
        metavar="RUN",
        help="evaluated runs to compare, instead of --models",
    )
    parser.add_argument(
        "--models",
        metavar="A,B,…",
        help="systems to train, with options or a learning rate after colons: "
        "resnet50:stem_stride=2,vgg16:learning_rate=1e-4",
    )
    parser.add_argument(
        "--seeds",
        type=Range(1, 10_000, whole=True),
        default=5,
        metavar="N",
        help="runs of each system (default: 5)",
    )
    parser.add_argument(
        "--splits",
        default="official",
        metavar="A,B,…",
        help="protocols: official (default), patient-kfold (all folds, unless --fold "
        "names one), random-roi, augmented-first; with several, the same systems under "
        "each",
    )
    parser.add_argument(
        "--part",
        choices=("val", "test"),
        default="test",
        help="part to compare on: val, to choose between systems, or test (default)",
    )
    parser.add_argument(
        "--baseline",
        metavar="NAME",
        help="system to compare the others with (the first)",
    )
    add_resamples(parser)
    parser.add_argument(
        "--out", metavar="DIR", default="comparisons/comparison", help="where to write"
    )
    add_ray(parser)
    add_config(parser)
    add_settings(parser, TrainConfig, without=_OWN)


def run(args: argparse.Namespace) -> int:
    """Trains, evaluates and compares models. Returns the exit code."""
    if bool(args.runs) == bool(args.models):
        raise UserError(
            "Give either --models, to train them, or the directories of evaluated "
            f"runs. Received: {'both' if args.models else 'neither'}."
        )
    if args.runs and args.ray is not None:
        raise UserError("`ray` distributes trainings. Received: runs, not --models.")
    start_keras()
    return _compare_runs(args) if args.runs else _compare_models(args)


def _compare_models(args: argparse.Namespace) -> int:
    from keras_wa.data.splits import SPLITS
    from keras_wa.evaluate.compare.comparing import read_results, run_jobs
    from keras_wa.evaluate.compare.costs import measure_costs
    from keras_wa.evaluate.compare.jobs import plan_jobs
    from keras_wa.evaluate.compare.systems import parse_systems

    systems = parse_systems(args.models)
    names = [each.name for each in systems]
    baseline = _baseline(args.baseline, names)
    splits = [each.strip() for each in args.splits.split(",") if each.strip()]
    for split in splits:
        if split not in SPLITS:
            raise unknown_name("split", split, SPLITS)
    shared = choose_dataset(given_settings(args, TrainConfig, args.config))
    jobs = plan_jobs(systems, shared, args.seeds, splits, Path(args.out), args.part)
    out = make_folder(args.out)
    verbose = 1 if sys.stdout.isatty() else 2
    with on_ray(args):
        distribute = one_per_task(args)
        outcome = run_jobs(jobs, args.resamples, verbose, distribute)
        if outcome.interrupted:
            say("Stopped. Continue with the same command.")
            return 130
        if outcome.held:
            say(
                f"{len(outcome.held)} runs are in use by other processes. When these "
                "have ended, the same command writes the tables."
            )
            return 0
        results = read_results(jobs)
        kept = {split: each for split, each in results.items() if baseline in each}
        if not kept:
            raise UserError(f"No run of the baseline {baseline!r} was completed.")
        costs = measure_costs(jobs, out, distribute)
    models = {each.name: each.model for each in systems}
    return _write(args, out, kept, baseline, models, costs, outcome.failed)


def _compare_runs(args: argparse.Namespace) -> int:
    from keras_wa.evaluate.compare.costs import measure_costs
    from keras_wa.evaluate.compare.jobs import jobs_of_runs
    from keras_wa.evaluate.compare.run_results import read_result

    jobs = jobs_of_runs([Path(each) for each in args.runs], args.part)
    systems: dict[str, list[Any]] = {}
    for job in jobs:
        own = systems.setdefault(job.system.name, [])
        own.append(read_result(job.path, job.part))
    baseline = _baseline(args.baseline, list(systems))
    models = {job.system.name: job.system.model for job in jobs}
    out = make_folder(args.out)
    costs = measure_costs(jobs, out)
    results = {jobs[0].split: systems}
    return _write(args, out, results, baseline, models, costs, [])


def _write(
    args: argparse.Namespace,
    out: Path,
    results: Any,
    baseline: str,
    models: dict[str, str],
    costs: dict[str, Any],
    failed: list[tuple[Any, str]],
) -> int:
    from keras_wa.evaluate.compare.comparing import collect, write_comparison
    from keras_wa.evaluate.compare.markdown import over_seeds, p_value, signed

    record = collect(
        results, baseline, models, costs, failed, args.resamples, args.part
    )
    for part in record["splits"]:
        say(f"Split {part['split_origin']}, {part['n_rois']} ROIs, AUC:")
        for system in part["systems"]:
            line = f"  {system['name']:<40} {over_seeds(system['metrics']['auc'])}"
            if system["differences"]:
                own = system["differences"]["auc"]
                line += f"   {signed(own)}, p {p_value(own['p_holm'])}"
            say(line)
        warn(part["warnings"])
    warn(record["notes"])
    for file in write_comparison(out, record, results):
        say(f"Written: {file}")
    return 0


def _baseline(given: str | None, names: list[str]) -> str:
    if given is not None and given not in names:
        raise unknown_name("baseline", given, names)
    return given or names[0]
