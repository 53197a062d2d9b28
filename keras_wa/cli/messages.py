"""What a command prints."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator


def say(message: str) -> None:
    """Prints a message at once, so that it keeps its place among the progress bars."""
    print(message, flush=True)


def warn(notes: Iterable[str]) -> None:
    """Prints notes as warnings, a line each, marked with `***`."""
    for note in notes:
        print(f"*** {note}", flush=True)


class _Notes(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        warn([record.getMessage()])


@contextlib.contextmanager
def printed_log() -> Iterator[None]:
    """Prints what the package logs as a warning as `warn` does."""
    logger, handler = logging.getLogger("keras_wa"), _Notes(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
