"""Phantom calcifications in real tissue: case table and pixels."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_wa.data.backgrounds import (
    SQUARES_STREAM,
    Backgrounds,
    LesionFreeTissue,
    Progress,
)
from keras_wa.data.io import open_image
from keras_wa.data.io.resize import resize
from keras_wa.data.splits import split_test
from keras_wa.errors import UserError
from keras_wa.phantom import PhantomSpec, phantom_cases
from keras_wa.phantom.background import insert_lesion, noise_ratio

BACKGROUND_COLUMNS = (
    "roi_id",
    "background",
    "top",
    "left",
    "pixel_mm",
    "noise_ratio",
)
"""Columns with the origin of the tissue of an ROI."""


@dataclasses.dataclass(frozen=True)
class Square:
    """The background of one ROI; lengths are pixels of the image."""

    tissue: LesionFreeTissue
    top: int
    left: int


def draw_squares(backgrounds: Backgrounds, n: int, seed: int = 0) -> list[Square]:
    """Draws `n` squares, in turn from each image; above `n_disjoint` some overlap."""
    order = np.random.default_rng([SQUARES_STREAM, seed]).permutation(
        len(backgrounds.tissues)
    )
    tissues = [backgrounds.tissues[at] for at in order]
    squares = list(_round_robin(tissues, lambda each: each.disjoint))
    if n > len(squares):
        squares += _round_robin(tissues, lambda each: each.others)
    return list(itertools.islice(itertools.cycle(squares), n))


def _round_robin(
    tissues: Sequence[LesionFreeTissue],
    places: Callable[[LesionFreeTissue], NDArray[np.int64]],
) -> Iterable[Square]:
    of_each = [[Square(t, int(y), int(x)) for y, x in places(t)] for t in tissues]
    for turn in itertools.zip_longest(*of_each):
        yield from (square for square in turn if square is not None)


def background_cases(
    backgrounds: Backgrounds, spec: PhantomSpec, n: int
) -> tuple[pd.DataFrame, list[Square]]:
    """Draws the case table of `n` phantom lesions in real tissue, and their squares.

    Types, distributions, subtleties and labels are those of `phantom_cases`. Images in
    a subfolder of the root are from one patient; an image in the root is a separate
    patient. No patient is in two parts of the split; about a fifth of the ROIs is test.

    Raises:
        UserError: there are too few ROIs or images for a split, or the spec has
            `projected_views`.
    """
    if spec.projected_views:
        raise UserError(
            "`projected_views`: the tissue of two views of a lesion is of two patients "
            "here. Received: True; expected False for lesions in real tissue."
        )
    squares = draw_squares(backgrounds, n, spec.seed)
    # The first folder, or the file.
    owners = [square.tissue.name.split("/")[0] for square in squares]
    patients = {
        name: f"BG{number:05d}" for number, name in enumerate(sorted({*owners}))
    }
    try:
        cases = phantom_cases(spec, n)
        cases["patient_id"] = [patients[owner] for owner in owners]
        cases["split"] = "train"
        return split_test(cases, seed=spec.seed), squares
    except UserError as error:
        raise UserError(
            f"{backgrounds.root}: {n} ROIs of {len(patients)} patients are no training "
            f"and test part, each patient in one of them. {error} Add images or ROIs."
        ) from error


def render_on_backgrounds(
    root: Path,
    spec: PhantomSpec,
    cases: pd.DataFrame,
    squares: Sequence[Square],
    progress: Progress | None = None,
) -> tuple[NDArray[np.uint8], pd.DataFrame]:
    """Inserts the lesions of a case table into their squares.

    The contrast of a lesion is multiplied by the noise of its square over the phantom's
    (`noise_ratio`). `progress` is called with (ROIs drawn, all).

    Returns:
        uint8 `(N, size, size)`, and a table of `BACKGROUND_COLUMNS`, in the same order.
    """
    rows = cases.to_dict("records")
    images = np.empty((len(rows), spec.size, spec.size), np.uint8)
    ratios = np.empty(len(rows))
    # Each file is read once.
    order = sorted(range(len(rows)), key=lambda at: squares[at].tissue.name)
    done = itertools.count(1)
    for name, group in itertools.groupby(order, lambda at: squares[at].tissue.name):
        image = open_image(root / name)
        for at in group:
            square, tissue = squares[at], squares[at].tissue
            grey = image.grey(
                slice(square.top, square.top + tissue.side),
                slice(square.left, square.left + tissue.side),
            )
            ratios[at] = noise_ratio(grey, tissue.pixel_mm)
            small = resize(grey, (spec.size, spec.size))
            images[at] = insert_lesion(spec, rows[at], small, ratios[at])
            if progress is not None:
                progress(next(done), len(rows))
    table = pd.DataFrame(
        {
            "roi_id": cases["roi_id"],
            "background": [square.tissue.name for square in squares],
            "top": [square.top for square in squares],
            "left": [square.left for square in squares],
            "pixel_mm": [square.tissue.pixel_mm for square in squares],
            "noise_ratio": ratios.round(4),
        }
    )
    return images, table[list(BACKGROUND_COLUMNS)]
