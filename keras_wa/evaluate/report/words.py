"""How numbers are written on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Metric = Mapping[str, float | None]
"""`{value, low, high}`, each None where undefined."""


def percent(metric: Metric) -> str:
    """Gives `92.1 % [88.1 to 95.6]`, `92.1 %` without an interval.

    Args:
        metric: one whose value is not None.
    """
    value = f"{100 * (metric['value'] or 0):.1f} %"
    if metric["low"] is None or metric["high"] is None:
        return value
    return f"{value} [{100 * metric['low']:.1f} to {100 * metric['high']:.1f}]"


def share(part: int, whole: int) -> str:
    """Gives `39.6 %`, or `n/a` of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else "n/a"


def count(number: int, noun: str) -> str:
    """Gives `1 ROI`, `1,872 ROIs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def join(words: Sequence[str]) -> str:
    """Gives `a`, `a and b`, `a, b and c`."""
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)
