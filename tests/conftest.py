"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# Set before anything imports TensorFlow: its banner is no test output.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pytest

from tests import ctrl_c

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout; skips loudly without it."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"REAL DATA MISSING: {SHARED_DATA} is not there")
    return SHARED_DATA


# Of a module: its other fixtures start processes too.
@pytest.fixture(scope="module", name="ctrl_c")
def hear_ctrl_c() -> Iterator[None]:
    """Lets Ctrl-C be heard, see `tests.ctrl_c`."""
    with ctrl_c.heard():
        yield
