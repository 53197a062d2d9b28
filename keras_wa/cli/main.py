"""Parses arguments, calls a command and turns errors into exit codes."""

from __future__ import annotations

import argparse
import errno
import importlib
import io
import os
import re
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from keras_wa import __version__
from keras_wa.cli.shared import at_home, printed_log
from keras_wa.cli.starting import without_collecting
from keras_wa.errors import UserError

# Each is a module of this package with `DESCRIPTION`, `EXAMPLE`, `add_arguments` and
# `run`. They import TensorFlow inside `run`, so that --help does not wait for it.
COMMANDS = (
    "train",
    "evaluate",
    "compare",
    "dashboard",
    "explain",
    "export",
    "predict",
    "serve",
    "download",
    "prepare",
    "audit",
    "enhance",
    "phantom",
    "models",
)

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: the arguments, by default those of the process.

    Returns:
        0 done, 1 a defect of this package (its traceback is shown), 2 a mistake of the
        user (one line says what and how to mend it), 130 stopped by Ctrl-C.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file's name may have characters that the terminal's encoding lacks.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with without_collecting():
            parser = _parser()
        args = parser.parse_args(argv)
        args = argparse.Namespace(**at_home(vars(args)))
        with printed_log():
            return _command(args.command).run(args)
    except UserError as error:
        return _fail(str(error))
    except ModuleNotFoundError as error:
        library = str(error.name).partition(".")[0]
        if library not in ("tensorflow", "jax"):
            raise
        return _fail(
            f"Keras is to compute with {library}, which is not installed. Install "
            "it, or set KERAS_BACKEND: jax where JAX is, tensorflow where that is."
        )
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    except UnicodeEncodeError as error:
        # How Python keeps bytes of a file's name that are no UTF-8.
        if not "\udc80" <= error.object[error.start] <= "\udcff":
            raise
        near = error.object[max(0, error.start - 80) : error.start + 80]
        return _fail(
            f"The name of a file or folder is no UTF-8. Received: {near!r}; expected "
            "another name. Rename it."
        )
    except Exception as error:
        hint = _disk_hint(error)
        if hint is None:
            raise
        return _fail(hint)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all others are."""

    def error(self, message: str) -> NoReturn:
        # A flag outside its range reads like a setting outside its own.
        message = re.sub(r"^argument (--\S+): must", r"\1 must", message)
        raise UserError(f"{message}. See: {self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
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


def _disk_hint(error: Exception) -> str | None:
    """What to do about an error that the disk gave, `None` for any other."""
    # HDF5 and TensorFlow pass the system's message on, but not always its number.
    number, text = getattr(error, "errno", None), str(error)
    if number in _FULL or any(os.strerror(each) in text for each in _FULL):
        reason = (text.splitlines() or [""])[0]
        return f"The disk is full ({reason}). Free some space and run it again."
    if number == errno.ENAMETOOLONG:
        return f"{text}. Choose a shorter name."
    if number in _FORBIDDEN:
        return f"{text}. Choose a place that you may write to."
    return None
