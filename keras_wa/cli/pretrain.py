"""`keras-wa pretrain`."""

from __future__ import annotations

import argparse
import sys

from keras_wa.cli.flags import add_config, add_settings, given_settings
from keras_wa.cli.messages import say
from keras_wa.cli.starting import start_keras
from keras_wa.training.pretraining_settings import Pretraining

EXAMPLE = "keras-wa pretrain --out runs/pretrained --steps 2000"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    parser.add_argument(
        "--out",
        metavar="DIR",
        default="runs/pretrained",
        help="where to write; the same command continues an interrupted pretraining "
        "(default: runs/pretrained)",
    )
    add_config(parser)
    add_settings(parser, Pretraining)


def run(args: argparse.Namespace) -> int:
    """Pretrains a network on the phantom. Returns the exit code."""
    given = given_settings(args, Pretraining, args.config)
    settings = Pretraining.from_mapping(given, args.config or "command line")
    start_keras()
    from keras_wa.training.pretraining import pretrain

    losses = pretrain(settings, args.out, verbose=1 if sys.stdout.isatty() else 2)
    for name, loss in losses.items():
        say(f"{name} on new ROIs: {loss:.3f}")
    words = [
        f"--model {settings.model} --image-size {settings.image_size}",
        f"--enhance {settings.enhance}",
        *(f"--model-option {k}={v}" for k, v in settings.model_options.items()),
    ]
    say(f"Train with it: python train.py --weights {args.out} {' '.join(words)}")
    return 0
