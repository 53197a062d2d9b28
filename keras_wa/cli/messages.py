"""Printing messages, warnings and log records of a command."""

from __future__ import annotations

import argparse
import ast
import contextlib
import logging
import re
from collections.abc import Iterable, Iterator, Sequence

from keras_wa.errors import replace_parameters

# The commands that correspond to functions of the library.
_COMMANDS = {
    "evaluate_run": "python evaluate.py RUN",
    "export_saved_model": "keras-wa export RUN",
    "keras_wa.data.download": "keras-wa download DATASET",
    "prepare": "keras-wa prepare",
    "train": "python train.py",
}
_FUNCTION = re.compile(r"`([\w.]+)(\(.*?\))?`")
_arguments: dict[str, argparse.Action] = {}


def say(message: str) -> None:
    """Prints a message immediately, in order with the progress bars."""
    print(message, flush=True)


def warn(notes: Iterable[str]) -> None:
    """Prints warnings, one per line, marked with `***`."""
    for note in notes:
        print(f"*** {as_flags(note)}", flush=True)


def as_flags(message: str) -> str:
    """Replaces parameters and functions in a message by flags and commands.

    They are in backticks, such as `batch_size`, `crop='fixed'` or
    `evaluate_run(run='runs/x')`. Names that the command does not take are unchanged.
    """
    return replace_parameters(_FUNCTION.sub(_command, message), _argument)


def _command(function: re.Match[str]) -> str:
    command = _COMMANDS.get(function[1])
    if command is None:
        return function[0]
    call = ast.parse(f"f{function[2] or '()'}", mode="eval").body
    assert isinstance(call, ast.Call)
    for given in call.keywords:
        name, value = str(given.arg), ast.literal_eval(given.value)
        if name == "run" and "RUN" in command:
            command = command.replace("RUN", value)
            continue
        flag = "--run-dir" if name == "run" else f"--{name.replace('_', '-')}"
        command += f" {flag}" if value is True else f" {flag} {value}"
    return f"`{command}`"


def _argument(name: str, value: str | None) -> str | None:
    action = _arguments.get(name)
    if action is None:
        return None
    flags = action.option_strings
    if value in ("True", "False"):
        negated = value == "False"
        return next((f for f in flags if f.startswith("--no-") is negated), None)
    shown = flags[0] if flags else str(action.metavar or name)
    return shown if value is None else f"{shown} {_text(value)}"


def _text(value: str) -> str:
    """Formats a Python literal for the command line."""
    try:
        return str(ast.literal_eval(value))
    except (SyntaxError, ValueError):
        return value


class _Notes(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if record.levelno >= logging.WARNING:
            warn([message])
        else:
            say(as_flags(message))


@contextlib.contextmanager
def printing_log() -> Iterator[None]:
    """Prints log records of the package: progress with `say`, warnings with `warn`."""
    logger, handler = logging.getLogger("keras_wa"), _Notes(logging.INFO)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


def name_arguments(actions: Sequence[argparse.Action]) -> None:
    """Sets the arguments of the running command, for `as_flags`."""
    _arguments.clear()
    # The first of several arguments for the same value.
    _arguments.update({each.dest: each for each in reversed(actions)})
