"""A contact sheet of a phantom set: a row per type, a column per distribution."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from keras_wa.errors import UserError
from keras_wa.files import replacing
from keras_wa.phantom.calcifications import MORPHOLOGIES, is_suspicious
from keras_wa.phantom.distributions import DISTRIBUTIONS
from keras_wa.phantom.roi import render_roi, roi_id
from keras_wa.phantom.spec import PHANTOM_VERSION, PhantomSpec

# The lists have two spellings of one type.
_TYPES = tuple(name for name in MORPHOLOGIES if name != "LUCENT_CENTERED")
_DPI = 100
# Smallest width of an ROI on the sheet, pixels.
_LEAST_SHOWN = 160


def write_preview(
    spec: PhantomSpec,
    path: str | os.PathLike[str],
    morphologies: Sequence[str] = _TYPES,
    distributions: Sequence[str] = DISTRIBUTIONS,
) -> Path:
    """Writes a contact sheet as a PNG.

    Args:
        spec: the phantom set; its seed selects the examples.
        path: the file; it is replaced atomically.
        morphologies: the types, one per row.
        distributions: the distributions, one per column; `""` for none.

    Returns:
        The path.

    Raises:
        UserError: a type or distribution is unknown, or the folder cannot be written.
    """
    target = Path(path)
    shown = max(spec.size, _LEAST_SHOWN) / _DPI
    margin, head = 1.9, 1.0
    width = margin + shown * len(distributions)
    height = head + shown * len(morphologies)
    figure = Figure(figsize=(width, height), dpi=_DPI)
    figure.suptitle(
        f"Phantom {PHANTOM_VERSION} (in silico) · field of view {spec.field_mm:g} mm · "
        f"conspicuity {spec.conspicuity:g} · seed {spec.seed}",
        y=1 - 0.3 / height,
        fontsize=13,
    )
    grid = figure.subplots(
        len(morphologies),
        len(distributions),
        squeeze=False,
        gridspec_kw={
            "left": margin / width,
            "right": 1,
            "bottom": 0,
            "top": 1 - head / height,
            "wspace": 0.02,
            "hspace": 0.02,
        },
    )
    for row, morphology in enumerate(morphologies):
        for column, distribution in enumerate(distributions):
            index = row * len(distributions) + column
            axes = grid[row, column]
            _show(axes, spec, _example(spec, index, morphology, distribution))
            if row == 0:
                axes.set_title(_words(distribution or "none given"), fontsize=10)
            if column == 0:
                group = "suspicious" if is_suspicious(morphology) else "benign"
                axes.set_ylabel(
                    f"{_words(morphology)}\n(typically {group})"
                    if group == "benign"
                    else f"{_words(morphology)}\n({group})",
                    fontsize=10,
                    rotation=0,
                    ha="right",
                    va="center",
                )
    try:
        with replacing(target) as partial:
            figure.savefig(partial, format="png")
    except OSError as error:
        raise UserError(
            f"The phantom preview cannot be written to {target}: {error.strerror}. "
            "Choose a folder that exists and is writable."
        ) from error
    return target


def _example(
    spec: PhantomSpec, index: int, morphology: str, distribution: str
) -> dict[str, Any]:
    return {
        "roi_id": roi_id(spec, 0, index, index),
        "breast": "LEFT",
        "view": "CC",
        "lesion": 1,
        "morphology": morphology,
        "distribution": distribution or pd.NA,
        "density": 1 + index % 4,
        "subtlety": 4,
    }


def _show(axes: Axes, spec: PhantomSpec, case_row: dict[str, Any]) -> None:
    image = render_roi(spec, case_row)
    axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    axes.set_xticks([])
    axes.set_yticks([])
    # The longest of 1, 2 and 5 mm that is at most a quarter of the field.
    length = max([mm for mm in (1, 2, 5) if mm <= spec.field_mm / 4], default=0.5)
    bar = length / spec.pixel_mm
    left, bottom = 0.04 * spec.size, 0.95 * spec.size
    axes.add_patch(
        Rectangle((left, bottom), bar, 0.012 * spec.size, color="white", lw=0)
    )
    axes.text(
        left, bottom - 0.015 * spec.size, f"{length:g} mm", color="white", fontsize=7
    )


def _words(name: str) -> str:
    return name.replace("_", " ").lower()
