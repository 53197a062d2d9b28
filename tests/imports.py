"""What a piece of code imports, seen in a process of its own."""

from __future__ import annotations

from tests.processes import python


def deep_learning_libraries_of(code: str) -> list[str]:
    """Those that a process has imported after it has run some code."""
    names = ("tensorflow", "keras")
    shown = f"{code}; import sys; print(*[n for n in {names} if n in sys.modules])"
    return python("-c", shown).stdout.splitlines()[-1].split()
