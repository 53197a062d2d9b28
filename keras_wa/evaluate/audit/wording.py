"""Small words of the findings."""

from __future__ import annotations

from collections.abc import Sequence

from keras_wa.metrics import Estimate


def count(number: int, noun: str) -> str:
    """Gives `1 image`, `2 images`, `1,872 images`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def join(words: Sequence[str]) -> str:
    """Gives `a`, `a and b`, `a, b and c`."""
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def percent(share: Estimate | float) -> str:
    """Gives `90.0 %`, with its interval if it has one: `90.0 % (86.8 to 93.2)`."""
    if isinstance(share, Estimate):
        return (
            f"{100 * share.value:.1f} % "
            f"({100 * share.low:.1f} to {100 * share.high:.1f})"
        )
    return f"{100 * share:.1f} %"
