"""Makes the tiny model and its finished run known to the tests of this folder."""

from __future__ import annotations

import functools

import pytest

from tests.cli import failing
from tests.cli.comparison import compared
from tests.tiny_model import finished, float32, store_dir, tiny_model

__all__ = ["compared", "error_of", "finished", "float32", "store_dir", "tiny_model"]


@pytest.fixture
def error_of(capsys: pytest.CaptureFixture[str]) -> failing.ErrorOf:
    """The one line that a failing command writes, see `failing.error_of`."""
    return functools.partial(failing.error_of, capsys=capsys)
