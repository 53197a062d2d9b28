"""Runs a command that must fail as a user's mistake does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from keras_wa.cli import main
from tests.cli.bars import without_bars

ErrorOf = Callable[[Sequence[str | Path]], str]
"""The fixture `error_of`: a command's words to its error."""


def error_of(words: Sequence[str | Path], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a failing command writes to stderr, after exit code 2."""
    capsys.readouterr()
    assert main([str(word) for word in words]) == 2
    lines = without_bars(capsys.readouterr().err).splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    return lines[0]
