"""`keras-wa ensemble`."""

from __future__ import annotations

import argparse

from keras_wa.cli.messages import say
from keras_wa.cli.shared import add_places, open_run
from keras_wa.cli.starting import start_keras

EXAMPLE = "keras-wa ensemble runs/seed0 runs/seed1 runs/seed2 --out runs/ensemble"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="run directories of train.py, on the same data, split and image size",
    )
    parser.add_argument(
        "--out",
        dest="run_dir",
        metavar="DIR",
        required=True,
        help="run directory of the ensemble; evaluate, predict, serve, export and "
        "explain take it like any other",
    )
    add_places(parser)


def run(args: argparse.Namespace) -> int:
    """Makes an ensemble and exports it. Returns the exit code."""
    start_keras()
    from keras_wa.backend import on_tensorflow
    from keras_wa.training.ensemble import make_ensemble

    made = make_ensemble([open_run(args, path) for path in args.runs], args.run_dir)
    say(f"{made.config.model_title}, on {made.config.dataset}: {made.path}")
    if on_tensorflow():
        from keras_wa.export.saved_model import export_saved_model

        say(f"SavedModel: {export_saved_model(made)}")
    say(f"Evaluate it: python evaluate.py {made.path}")
    return 0
