"""Pairs of images that show the same, turned or mirrored or changed a little.

Hashes find candidates; the detail of the two images has to agree too.
"""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_wa.data.io.resize import resize
from keras_wa.evaluate.audit.perceptual_hash import Images, candidates, turn_images

MAX_DISTANCE = 12
"""Bits in which the hashes of a candidate pair may differ.

636 real patches were turned at random and changed: saved as JPEG of quality 60, 99 % of
them are within 10 bits of the original; cut by 1 % or blurred, within 9. Of 202,000
pairs of different patches, 2 are within 12 bits.
"""

MIN_CORRELATION = 0.8
"""Correlation of the detail of two images from which on they show the same.

Of the changed real patches 99 % reach it after JPEG, blur, gamma or a rotation by 3
degrees, 90 % after noise of 5 grey levels. Different images with hashes as near as
`MAX_DISTANCE` reach 0.25 (real patches) and 0.26 (phantom); 0.78 when the same half of
all of them is blacked out, as the edge of a film may do. A plain correlation of small
images would not serve: it is 0.97 for different tiles of real mammograms with the same
slow gradient.
"""

_SIDE = 64
# Standard deviations of the Gaussians, pixels of the small image: what is finer is
# noise, what is coarser is the gradient that many regions of a breast share.
_FINE, _COARSE = 1.5, 5.0
# Too little is left to compare where less of the square is inside both images.
_MIN_SHARED = 0.2
_CHUNK = 2048


def similar_pairs(images: Images) -> pd.DataFrame:
    """Finds the pairs of images that show the same, whichever way they are turned.

    Args:
        images: uint8 `(n, height, width)`; black is taken as outside the image.

    Returns:
        One row a pair, under its best symmetry, sorted: int64 `first` < `second`, the
        positions; int64 `symmetry`, the number in `SYMMETRIES` of what makes the second
        the first; float64 `correlation`, at least `MIN_CORRELATION`.
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
            found.append(
                pd.DataFrame(
                    {
                        "first": one[kept],
                        "second": two[kept],
                        "symmetry": np.int64(symmetry),
                        "correlation": correlation[kept].astype(np.float64),
                    }
                )
            )
    columns = {"first": int, "second": int, "symmetry": int, "correlation": float}
    pairs = pd.concat(
        [pd.DataFrame(columns=list(columns)).astype(columns), *found], ignore_index=True
    )
    # On a tie, as of an image symmetric in itself, the simplest symmetry.
    pairs["rounded"] = pairs["correlation"].round(6)
    best = pairs.sort_values("rounded", ascending=False, kind="stable")
    return (
        best.drop(columns="rounded")
        .drop_duplicates(["first", "second"])
        .sort_values(["first", "second"])
        .reset_index(drop=True)
    )


def _detail(images: Images) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Differences of Gaussians within each image, and what lies within it."""
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
    """A Gaussian mean of what is inside, so that its edge leaves no trace."""
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
    """Correlation of the detail of pairs, -1 where there is nothing to compare."""
    both = (inside_one & inside_two).astype(np.float32)
    products = np.einsum("nij,nij->n", one, two)
    powers = np.einsum("nij,nij,nij->n", one, one, both) * np.einsum(
        "nij,nij,nij->n", two, two, both
    )
    shared = both.mean(axis=(1, 2))
    # Detail of less than a hundredth of a grey level is rounding.
    real = (shared >= _MIN_SHARED) & (powers > (1e-4 * _SIDE**2) ** 2)
    return np.where(real, products / np.sqrt(np.where(real, powers, 1)), -1)
