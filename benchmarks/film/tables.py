"""Film and phantom side by side: tables in Markdown, and the figures."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmarks.film.fields import SIDE, shrunk
from benchmarks.film.measures import power_spectrum
from keras_wa.data.readers.cbis_ddsm.stated_spacing import ASSUMED_MM

Array = np.ndarray
Measures = Mapping[str, Array]

WIDEST = 1.5
"""Ratio of the spreads (10 % to 90 %) that counts as agreement."""


def pooled(each: Sequence[Mapping[str, float]]) -> dict[str, Array]:
    """Measures of many fields, by name."""
    return {name: np.array([one[name] for one in each]) for name in each[0]}


def _in_words(values: Array) -> str:
    if not len(values):
        return "none"
    low, middle, high = np.percentile(values, [10, 50, 90])
    return f"{middle:.3g} [{low:.3g}, {high:.3g}]"


def _verdict(film: Array, phantom: Array) -> str:
    """Whether the median lies in film's middle 80 %, and the ratio of the spreads."""
    low, high = np.percentile(film, [10, 90])
    middle = np.median(phantom)
    ratio = np.ptp(np.percentile(phantom, [10, 90])) / max(high - low, 1e-12)
    agrees = "yes" if low <= middle <= high else "**no**"
    mark = "" if 1 / WIDEST <= ratio <= WIDEST else "**"
    return f"{agrees} | {mark}{ratio:.2f}{mark}"


def print_table(title: str, film: Measures, phantom: Measures) -> None:
    """Prints a table: median [10 %, 90 %] of film and phantom, and how they agree.

    Each row that does not agree has a letter, for its reason below the table.
    """
    letters = iter(string.ascii_lowercase)
    print(f"\n### {title}\n")
    print("| measure | film | phantom | median inside | spread, ratio |")
    print("| --- | --- | --- | --- | --- |")
    for name, values in film.items():
        verdict = _verdict(values, phantom[name])
        if "**" in verdict:
            verdict += f" ({next(letters)})"
        print(
            f"| {name} | {_in_words(values)} | {_in_words(phantom[name])} | {verdict} |"
        )


def print_patients(title: str, measured: Mapping[str, Measures]) -> None:
    """Prints a table with one column a patient."""
    print(f"\n### {title}\n")
    print(f"| measure | {' | '.join(measured)} |")
    print("| --- |" + " --- |" * len(measured))
    for name in next(iter(measured.values())):
        cells = " | ".join(_in_words(one[name]) for one in measured.values())
        print(f"| {name} | {cells} |")


def draw_figure(
    film: Sequence[Array], phantom: Sequence[Array], path: Path, title: str
) -> None:
    """Draws the spectra, and fields of both.

    Args:
        film: fields of film, uint8 `(SIDE, SIDE)`.
        phantom: of the phantom.
        path: of the PNG.
        title: what was measured.
    """
    figure = Figure(figsize=(10, 7.6), dpi=100, layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=(1, 1.25))
    axes = upper.subplots()
    for name, fields, colour in (("film", film, "C0"), ("phantom", phantom, "C1")):
        spectra = [power_spectrum(each.astype(float), ASSUMED_MM) for each in fields]
        powers = np.array([power for _, power in spectra])
        low, middle, high = np.percentile(powers, [10, 50, 90], axis=0)
        axes.loglog(spectra[0][0], middle, color=colour, label=name)
        axes.fill_between(spectra[0][0], low, high, color=colour, alpha=0.2, lw=0)
    axes.set_xlabel("cycles per mm")
    axes.set_ylabel("power, grey² mm²")
    axes.set_title(title)
    axes.legend(title="median, 10 to 90 %")
    grid = lower.subplots(2, 6)
    for row, (name, fields) in enumerate((("film", film), ("phantom", phantom))):
        for axis, k in zip(grid[row], np.linspace(0, len(fields) - 1, 6), strict=True):
            axis.imshow(shrunk(fields[int(k)], 224), cmap="gray", vmin=0, vmax=255)
            axis.set(xticks=[], yticks=[])
        grid[row, 0].set_ylabel(f"{name}, {SIDE * ASSUMED_MM:.1f} mm")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
