"""Round numbers along an axis."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from matplotlib.ticker import MaxNLocator


def round_numbers(
    numbers: Iterable[float], most: int, ends: tuple[float, float] | None = None
) -> list[tuple[float, str]]:
    """Chooses the ticks of an axis.

    Args:
        numbers: what it has to show; what is not finite is ignored.
        most: steps between the ticks, at most.
        ends: where the axis begins and ends. By default it does so at its first and
            its last tick, and all numbers lie between.

    Returns:
        Place and text of each tick, ascending, all with as many decimals.
    """
    locator = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10])
    if ends is None:
        finite = [number for number in numbers if np.isfinite(number)]
        low, high = min(finite), max(finite)
        # A single number, up to rounding, gets some room on both sides.
        alike = np.isclose(low, high, rtol=1e-6, atol=0)
        room = (0.05 * abs(low) or 1.0) if alike else 0.0
        places = [*locator.tick_values(low - room, high + room)]
    else:
        slack = 1e-9 * (ends[1] - ends[0])
        places = [
            tick
            for tick in locator.tick_values(*ends)
            if ends[0] - slack <= tick <= ends[1] + slack
        ]
    places = [round(float(place), 10) for place in places]
    decimals = max(_decimals(place) for place in places)
    return [(place, f"{place:.{decimals}f}") for place in places]


def _decimals(number: float) -> int:
    return len(np.format_float_positional(number, trim="-").partition(".")[2])
