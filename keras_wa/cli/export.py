"""`keras-wa export`."""

from __future__ import annotations

import argparse

from keras_wa.cli.shared import say, start_keras

DESCRIPTION = "Write a run's best model as a SavedModel that takes raw grey ROIs."
EXAMPLE = "keras-wa export runs/NAME --out served_model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    parser.add_argument("run", metavar="RUN", help="run directory of train.py")
    parser.add_argument(
        "--out", metavar="DIR", help="where to write it (default: RUN/saved_model)"
    )


def run(args: argparse.Namespace) -> int:
    """Exports. Returns the exit code."""
    start_keras()
    from keras_wa.backend import require_tensorflow

    require_tensorflow("A SavedModel")
    from keras_wa.serving.export import export_saved_model
    from keras_wa.training.run import Run

    say(f"SavedModel: {export_saved_model(Run.open(args.run), args.out)}")
    return 0
