"""What a piece of code imports, seen in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def deep_learning_libraries_of(code: str) -> list[str]:
    """Those that a process has imported after it has run some code."""
    names = ("tensorflow", "keras")
    shown = f"{code}; import sys; print(*[n for n in {names} if n in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-c", shown],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.splitlines()[-1].split()
