"""The entry point: parses arguments, runs a command, converts errors to exit codes."""

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
from typing import Any, NoReturn

from keras_wa import __version__
from keras_wa.cli.messages import as_flags, name_arguments, printing_log
from keras_wa.cli.paths import expand_home
from keras_wa.cli.starting import quiet_decoders, without_collecting
from keras_wa.errors import UserError
from keras_wa.progress import showing_progress

COMMANDS = {
    "train": "Train a model, keep its best epoch and export it as a SavedModel.",
    "pretrain": "Train a network on the phantom, to start others from its weights.",
    "evaluate": (
        "Evaluate a run's best model, with patient-cluster bootstrap intervals."
    ),
    "decide": ("Change the threshold and the prediction sets of a run, on validation."),
    "compare": (
        "Train several systems on the same split, and compare them with intervals."
    ),
    "tune": "Search settings of a training by their validation AUC.",
    "ensemble": (
        "Join trained runs to one network: the mean of their calibrated probabilities."
    ),
    "dashboard": "Show runs side by side in TensorBoard.",
    "explain": (
        "Show where a run's best model looks, and score that against chance, random"
        " networks and, where the data set has them, masks."
    ),
    "export": (
        "Write a run's best model as a SavedModel, or as ONNX, for raw grey ROIs."
    ),
    "predict": (
        "Classify ROIs, or the calcification clusters that are found in mammograms,"
        " in DICOM or plain images."
    ),
    "serve": "Serve predictions over HTTP.",
    "download": "Fetch a data set from the Imaging Data Commons, with its tables.",
    "prepare": "Read a dataset into a prepared store, as train does when it needs to.",
    "audit": (
        "Check a data set for leakage and shortcuts: patients on both sides of the "
        "split, duplicates, labels that can be predicted from names, metadata or a "
        "single feature."
    ),
    "enhance": (
        "Measure what CLAHE does to the ROIs of a dataset: local contrast, "
        "visibility of microcalcifications, SNR."
    ),
    "phantom": (
        "Draw in-silico ROIs: a contact sheet, PNG class folders (also in real "
        "tissue), or whole mammograms as DICOM files in CBIS-DDSM's layout."
    ),
    "models": "List the models, with their size, GFLOPs and source.",
}
"""Name -> description. A command is a module of this package with `EXAMPLE`,
`add_arguments` and `run`."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command with arguments, by default those of the process.

    Returns:
        The exit code: 0 success, 1 a bug in this package (with a traceback), 2 an error
        of the user (one line says how to correct it), 130 stopped by Ctrl-C.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file name may have characters that the terminal's encoding lacks.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        args = _parser().parse_args(argv)
        args = argparse.Namespace(**expand_home(vars(args)))
        with printing_log(), quiet_decoders(), showing_progress():
            return _command(args.command).run(args)
    except UserError as error:
        return _fail(str(error))
    except ModuleNotFoundError as error:
        library = str(error.name).partition(".")[0]
        if library not in ("tensorflow", "jax"):
            raise
        return _fail(
            f"The Keras backend {library} is not installed. Install it, or set "
            "KERAS_BACKEND to an installed one: jax or tensorflow."
        )
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    except UnicodeEncodeError as error:
        # Python represents bytes of a file name that are not UTF-8 by these characters.
        if not "\udc80" <= error.object[error.start] <= "\udcff":
            raise
        near = error.object[max(0, error.start - 80) : error.start + 80]
        return _fail(
            f"The name of a file or folder is not UTF-8. Received: {near!r}; expected "
            "a UTF-8 name. Rename it."
        )
    except Exception as error:
        hint = _disk_hint(error)
        if hint is None:
            raise
        return _fail(hint)


class _Parser(argparse.ArgumentParser):
    """An argument parser that reports errors in one line, as commands do."""

    def error(self, message: str) -> NoReturn:
        # Worded like the error for a setting that is out of range.
        message = re.sub(r"^argument (--\S+): must", r"\1 must", message)
        raise UserError(f"{message}. See: {self.prog} --help")


class _CommandParser(_Parser):
    """The parser of a command; imports the command's module only when used."""

    def __init__(self, *, command: str, **options: Any) -> None:
        super().__init__(description=COMMANDS[command], **options)
        self._command: str | None = command

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if self._command is not None:
            with without_collecting():
                module = _command(self._command)
                module.add_arguments(self)
            name_arguments(self._actions)
            self.epilog = f"Example: {module.EXAMPLE}"
            self._command = None
        return super().parse_known_args(args, namespace)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="keras-wa",
        description="WA-ResNet-50 for breast microcalcifications on mammograms.",
        epilog="Example: keras-wa train --epochs 100",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=_CommandParser
    )
    for name, description in COMMANDS.items():
        commands.add_parser(name, command=name, help=description)
    return parser


def _command(name: str) -> ModuleType:
    return importlib.import_module(f"keras_wa.cli.{name}")


def _fail(message: str) -> int:
    print(f"error: {' '.join(as_flags(message).split())}", file=sys.stderr)
    return 2


def _disk_hint(error: Exception) -> str | None:
    """Returns a hint for an error of the disk, `None` for any other error."""
    # HDF5 and TensorFlow pass on the system's message, but not always its number.
    number, text = getattr(error, "errno", None), str(error)
    if number in _FULL or any(os.strerror(each) in text for each in _FULL):
        reason = (text.splitlines() or [""])[0]
        return f"The disk is full ({reason}). Free some space and run it again."
    if number == errno.ENAMETOOLONG:
        return f"{text}. Choose a shorter name."
    if number in _FORBIDDEN:
        return f"{text}. Choose a writable location."
    return None
