"""Finds near-duplicate images, also rotated or mirrored ones.

Hashes find candidates; the detail of the two images must agree too.
"""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_wa.data.io.resize import resize
from keras_wa.evaluate.audit.perceptual_hash import Images, candidates, turn_images

MAX_DISTANCE = 12
"""Largest number of different bits in the hashes of a candidate pair.

636 real patches were rotated at random and changed: saved as JPEG of quality 60, 99 %
of them are within 10 bits of the original; cropped by 1 % or blurred, within 9. Of
202,000 pairs of different patches, 2 are within 12 bits.
"""

MIN_CORRELATION = 0.8
"""Smallest correlation of the detail of near-duplicates.

Of the changed real patches 99 % reach it after JPEG, blur, gamma or a rotation by 3
degrees, 90 % after noise of 5 grey levels. Different images with hashes within
`MAX_DISTANCE` reach 0.25 (real patches) and 0.26 (phantom); 0.78 if the same half of
all of them is black, as at the edge of a film. A plain correlation of small images is
not suitable: it is 0.97 for different tiles of real mammograms with the same slow
gradient.
"""

_SIDE = 64
# Standard deviations of the Gaussians, pixels of the small image: finer structure is
# noise, coarser structure is the gradient that many regions of a breast share.
_FINE, _COARSE = 1.5, 5.0
# Smallest share of the square inside both images for a comparison.
_MIN_SHARED = 0.2
_CHUNK = 2048


def similar_pairs(images: Images) -> pd.DataFrame:
    """Finds pairs of near-duplicates, rotated or mirrored in any way.

    Args:
        images: uint8 of shape `(n, height, width)`; black counts as outside the image.

    Returns:
        One row per pair, with its best symmetry, sorted: `first` < `second`, int64, the
        indices; `symmetry`, int64, the index in `SYMMETRIES` of the symmetry from the
        second to the first; `correlation`, float64, at least `MIN_CORRELATION`.
    """
    small = np.stack([resize(image, (_SIDE, _SIDE)) for image in images])
    detail, inside = _detail(small)
    found = []
    for first, second, symmetry in candidates(small, MAX_DISTANCE):
        for start in range(0, len(first), _CHUNK):
            one, two = first[start : start + _CHUNK], second[start : start + _CHUNK]
            correlation = _correlation(
                detail[one],
                inside[one],
                turn_images(detail[two], symmetry),
                turn_images(inside[two], symmetry),
            )
            kept = correlation >= MIN_CORRELATION
            same = np.full(len(one), symmetry)
            found.append(np.stack([one, two, same, correlation], axis=1)[kept])
    columns = {"first": int, "second": int, "symmetry": int, "correlation": float}
    rows = np.concatenate([np.empty((0, len(columns))), *found])
    pairs = pd.DataFrame(rows, columns=list(columns)).astype(columns)
    # In a tie, as for a symmetric image, the simplest symmetry.
    order = pairs["correlation"].round(6).sort_values(ascending=False, kind="stable")
    best = pairs.loc[order.index].drop_duplicates(["first", "second"])
    return best.sort_values(["first", "second"], ignore_index=True)


def _detail(images: Images) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Returns the difference of Gaussians of each image, and the mask of its inside."""
    inside = images > 0
    detail = np.empty(images.shape, dtype=np.float32)
    for row, image in enumerate(images):
        weight = inside[row].astype(np.float32)
        detail[row] = weight * (
            _smooth(image * weight, weight, _FINE)
            - _smooth(image * weight, weight, _COARSE)
        )
    return detail, inside


def _smooth(
    image: NDArray[np.float32], weight: NDArray[np.float32], sigma: float
) -> NDArray[np.float32]:
    """Returns a Gaussian mean of the inside, normalised at its edge."""
    blurred, share = (
        cv2.GaussianBlur(each, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
        for each in (image, weight)
    )
    return np.asarray(blurred / np.maximum(share, 1e-3), dtype=np.float32)


def _correlation(
    one: NDArray[np.float32],
    inside_one: NDArray[np.bool_],
    two: NDArray[np.float32],
    inside_two: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """Returns the correlation of the detail of pairs, -1 with too little to compare."""
    both = (inside_one & inside_two).astype(np.float32)
    products = np.einsum("nij,nij->n", one, two)
    powers = np.einsum("nij,nij,nij->n", one, one, both) * np.einsum(
        "nij,nij,nij->n", two, two, both
    )
    shared = both.mean(axis=(1, 2))
    # Detail below a hundredth of a grey level is rounding.
    real = (shared >= _MIN_SHARED) & (powers > (1e-4 * _SIDE**2) ** 2)
    return np.where(real, products / np.sqrt(np.where(real, powers, 1)), -1)
