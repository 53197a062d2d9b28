"""Progress bars among what a command writes to stderr."""

from __future__ import annotations


def without_bars(text: str) -> str:
    """The text without the lines of progress bars.

    A bar appears when work takes more than a second, which depends on the machine.
    """
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if "━" not in line)
