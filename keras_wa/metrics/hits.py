"""Hits and false positives of a detector on an image."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Box = tuple[float, float, float, float]


@dataclasses.dataclass(frozen=True)
class MarkedImage:
    """Hits and false positives of a detector on one image.

    `mark_image` computes it from candidates and lesions.

    Attributes:
        patient: identifier of the patient, whose images are resampled together.
        found: for each lesion the score of the candidate that hits it, `-inf` if none
            does; empty for an image without lesions.
        false: scores of the false positives.

    Example:
        >>> from keras_wa.metrics import MarkedImage
        >>> MarkedImage("a", found=(0.9,), false=(0.5, 0.3)).found
        (0.9,)
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

    A candidate hits a lesion if its centre lies in the lesion's box or mask. In the
    order of falling scores, each candidate hits at most one lesion, the first in the
    list that has not been hit. A candidate in no lesion is a false positive; one in a
    lesion that has been hit is neither. So a threshold on the scores never changes the
    matches above it.

    Args:
        patient: identifier of the patient.
        centres: centres of the candidates, shape `(n, 2)`, column and row in pixels;
            integers are the centres of pixels.
        scores: scores of the candidates, shape `(n,)`, finite; higher is more likely.
        lesions: for each lesion its box (left, top, right, bottom, the last two
            exclusive), or its mask, bool `(height, width)`.

    Returns:
        The `MarkedImage`.

    Raises:
        ValueError: the shapes do not fit, or a score is not finite.

    Example:
        >>> from keras_wa.metrics import mark_image
        >>> mark_image("a", [[12, 14], [80, 80]], [0.9, 0.5], [(10, 10, 20, 20)])
        MarkedImage(patient='a', found=(0.9,), false=(0.5,))

    Source:
        The criterion is one of those that Kallergi, Carney & Gaviria 1999 compare,
        doi:10.1118/1.598514. It affects the curve: report it with the results.
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
