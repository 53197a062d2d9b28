"""Ctrl-C for tests that press it, wherever they were started from."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def heard() -> Iterator[None]:
    """Python's own handler of Ctrl-C, as long as the context lasts.

    A shell lets what runs in its background ignore the signal, as `nohup` does, and
    every process inherits that. One that is started here meanwhile does not.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
