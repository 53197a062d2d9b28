"""Which lesions of an image a detector found, and what else it marked.

The criterion: a lesion is hit by a candidate whose centre lies in the lesion's box or
mask (one of those that Kallergi, Carney & Gaviria 1999, doi:10.1118/1.598514, compare;
the criterion moves a FROC curve, so it belongs beside each).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Box = tuple[float, float, float, float]


@dataclasses.dataclass(frozen=True)
class MarkedImage:
    """What a detector did on one image.

    Attributes:
        patient: whose image it is; images of a patient are resampled together.
        found: for each lesion the score of the candidate that hit it, `-inf` if none
            did. Empty for an image without lesions.
        false: the scores of the false positives.
    """

    patient: str
    found: tuple[float, ...]
    false: tuple[float, ...]


def mark_image(
    patient: str,
    centres: ArrayLike,
    scores: ArrayLike,
    lesions: Sequence[Box | NDArray[np.bool_]],
) -> MarkedImage:
    """Matches the candidates of an image with its lesions.

    The candidates come in the order of their scores, the highest first. Each hits one
    lesion at most: the first in the list that holds its centre and that none before it
    has hit. A candidate whose centre lies only in lesions that are hit already is
    neither a hit nor a false positive; every other one is a false positive. So a
    threshold on the scores takes away what lies below it and changes nothing above.

    Args:
        patient: whose image it is.
        centres: shape `(n, 2)`, column and row of each candidate's centre, pixels;
            the centres of pixels are whole numbers.
        scores: shape `(n,)`, finite; higher is surer.
        lesions: for each its box (left, top, right, bottom; right and bottom are the
            first pixels outside), or its mask, bool (H, W).

    Returns:
        The outcome.

    Raises:
        ValueError: if the shapes do not fit or a score is not finite.
    """
    points = np.asarray(centres, np.float64).reshape(-1, 2)
    values = np.asarray(scores, np.float64)
    if values.shape != (len(points),) or not np.isfinite(values).all():
        raise ValueError(
            f"scores: Received: shape {values.shape}; expected one finite score for "
            f"each of {len(points)} candidates."
        )
    found = [-math.inf] * len(lesions)
    false = []
    for i in np.argsort(-values, kind="stable"):
        x, y = points[i]
        holding = [k for k, lesion in enumerate(lesions) if _holds(lesion, x, y)]
        fresh = [k for k in holding if found[k] == -math.inf]
        if fresh:
            found[fresh[0]] = float(values[i])
        elif not holding:
            false.append(float(values[i]))
    return MarkedImage(patient, tuple(found), tuple(false))


def _holds(lesion: Box | NDArray[np.bool_], x: float, y: float) -> bool:
    column, row = math.floor(x + 0.5), math.floor(y + 0.5)
    if isinstance(lesion, np.ndarray):
        height, width = lesion.shape
        inside = 0 <= row < height and 0 <= column < width
        return inside and bool(lesion[row, column])
    left, top, right, bottom = lesion
    return bool(left <= column < right and top <= row < bottom)
