"""`keras-wa tune`."""

from __future__ import annotations

import argparse
import shlex
import sys

from keras_wa.cli.flags import add_config, add_settings, given_settings
from keras_wa.cli.messages import say
from keras_wa.cli.ray_flag import add_ray, on_ray, one_per_task
from keras_wa.cli.shared import choose_dataset
from keras_wa.cli.starting import start_keras
from keras_wa.errors import UserError
from keras_wa.files import make_folder
from keras_wa.ranges import Range
from keras_wa.training.config import TrainConfig

EXAMPLE = "keras-wa tune configs/space.toml --config configs/quick.toml --trials 30"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    parser.add_argument(
        "space",
        metavar="SPACE",
        help="TOML file of settings, each with a list of values or a range, such as "
        "learning_rate = {low = 1e-4, high = 1e-2, log = true}",
    )
    parser.add_argument(
        "--trials",
        type=Range(1, 100_000, whole=True),
        default=20,
        metavar="N",
        help="trials in all, those of earlier starts included (default: 20)",
    )
    parser.add_argument(
        "--minutes",
        type=Range(0, above=True),
        metavar="N",
        help="start no trial after this time (default: no limit)",
    )
    parser.add_argument(
        "--out", metavar="DIR", default="tune/search", help="where to write"
    )
    add_ray(parser)
    add_config(parser)
    add_settings(parser, TrainConfig)


def run(args: argparse.Namespace) -> int:
    """Searches settings. Returns the exit code."""
    try:
        import optuna  # noqa: F401
    except ImportError:
        raise UserError(
            "Tuning needs Optuna, which is not installed. Install it: "
            "pip install 'keras_wa[tune]'."
        ) from None
    start_keras()
    from keras_wa.evaluate.tune.results import write_search
    from keras_wa.evaluate.tune.search import open_study, search
    from keras_wa.evaluate.tune.space import read_space

    base = choose_dataset(given_settings(args, TrainConfig, args.config))
    config = TrainConfig.from_mapping(base, args.config or "command line")
    space = read_space(args.space, base)
    out = make_folder(args.out)
    study = open_study(out, space, config)
    verbose = 1 if sys.stdout.isatty() else 2
    with on_ray(args):
        ended = search(
            *(study, space, base, out, args.trials, args.minutes, verbose),
            distribute=one_per_task(args),
        )
    if not study.best_trials:
        if not ended:
            say("Stopped. Continue with the same command.")
            return 130
        raise UserError(f"{out}: no trial was completed; see the log.")
    command = shlex.join(["keras-wa", *sys.argv[1:]])
    for file in write_search(study, space, base, out, command):
        say(f"Written: {file}")
    say(f"Best validation AUC: {study.best_value:.4f}")
    if not ended:
        say("Stopped. Continue with the same command.")
        return 130
    say(f"Train with these settings: python train.py --config {out / 'best.toml'}")
    return 0
