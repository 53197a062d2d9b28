"""Parses arguments, calls a command and turns errors into exit codes."""

from __future__ import annotations

import argparse
import errno
import importlib
import sys
from collections.abc import Sequence
from types import ModuleType

from keras_wa import __version__
from keras_wa.errors import UserError

# Each is a module of this package with `DESCRIPTION`, `EXAMPLE`, `add_arguments` and
# `run`. They import TensorFlow inside `run`, so that --help does not wait for it.
COMMANDS = ("train", "evaluate", "export", "prepare", "phantom")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: the arguments, by default those of the process.

    Returns:
        0 done, 1 a defect of this package (its traceback is shown), 2 a mistake of the
        user (one line says what and how to mend it), 130 stopped by Ctrl-C.
    """
    args = _parser().parse_args(argv)
    try:
        return _command(args.command).run(args)
    except UserError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    except Exception as error:
        if not _disk_is_full(error):
            raise
        return _fail(f"The disk is full ({error}). Free some space and run it again.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="keras-wa",
        description="WA-ResNet-50 for breast microcalcifications on mammograms.",
        epilog="Example: keras-wa train --epochs 100",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        command = _command(name)
        child = commands.add_parser(
            name,
            help=command.DESCRIPTION,
            description=command.DESCRIPTION,
            epilog=f"Example: {command.EXAMPLE}",
        )
        command.add_arguments(child)
    return parser


def _command(name: str) -> ModuleType:
    return importlib.import_module(f"keras_wa.cli.{name}")


def _fail(message: str) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return 2


def _disk_is_full(error: BaseException) -> bool:
    # HDF5 and TensorFlow pass the system's message on, but not always its number.
    full = "No space left on device"
    return getattr(error, "errno", None) == errno.ENOSPC or full in str(error)
