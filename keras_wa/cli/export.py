"""`keras-wa export`."""

from __future__ import annotations

import argparse
from pathlib import Path

from keras_wa.cli.messages import say
from keras_wa.cli.starting import start_keras
from keras_wa.errors import UserError

EXAMPLE = "keras-wa export runs/NAME --out served_model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    parser.add_argument("run", metavar="RUN", help="run directory of train.py")
    parser.add_argument(
        "--out", metavar="DIR", help="where to write it (default: RUN/saved_model)"
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="add the signature serve_explain: probabilities, Grad-CAM and gates",
    )
    parser.add_argument(
        "--onnx",
        metavar="FILE",
        help="write an ONNX model to this file instead",
    )


def run(args: argparse.Namespace) -> int:
    """Exports a model. Returns the exit code."""
    start_keras()
    from keras_wa.backend import require_tensorflow

    require_tensorflow("A SavedModel")
    from keras_wa.export.saved_model import export_saved_model
    from keras_wa.training.run import Run

    run = Run.open(args.run)
    if args.onnx is not None:
        if args.out is not None or args.explain:
            raise UserError("Give --onnx, or --out and --explain. Received: both.")
        from keras_wa.export.onnx_file import export_onnx

        say(f"ONNX: {export_onnx(run, Path(args.onnx))}")
        return 0
    say(f"SavedModel: {export_saved_model(run, args.out, args.explain)}")
    return 0
