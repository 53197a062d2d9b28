"""The independent validator of DICOM files."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.waiting import DEADLINE_S


@pytest.fixture(scope="session")
def errors_of() -> Callable[[Path], list[str]]:
    """What dciodvfy calls an error in a file; skips loudly without dciodvfy."""
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("VALIDATOR MISSING: no dciodvfy (Debian: dicom3tools) on the PATH")

    def errors(path: Path) -> list[str]:
        run = subprocess.run(
            [program, "-new", str(path)],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=DEADLINE_S,
        )
        # It says which object it found; otherwise it has not read the file.
        assert "ComprehensiveSR" in run.stderr or "SCImage" in run.stderr
        return [line for line in run.stderr.splitlines() if line.startswith("Error")]

    return errors
