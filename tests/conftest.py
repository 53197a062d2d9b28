"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from pathlib import Path

# Set before anything imports TensorFlow: its banner is no test output.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout; skips loudly without it."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"REAL DATA MISSING: {SHARED_DATA} is not there")
    return SHARED_DATA
