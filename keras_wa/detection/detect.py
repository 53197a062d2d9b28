"""Finds candidate clusters of microcalcifications on a mammogram."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from keras_wa.detection.breast import breast_mask
from keras_wa.detection.clusters import SpotCluster, find_clusters
from keras_wa.detection.spots import as_spacing, find_spots


def find_candidates(
    image: NDArray,
    spacing_mm: float | tuple[float, float] | None,
    least_contrast: float = 4.5,
    least_spots: int = 3,
    most_clusters: int | None = 10,
    film: bool = True,
    mask: NDArray[np.bool_] | None = None,
) -> list[SpotCluster]:
    """Finds candidate clusters of microcalcifications on a mammogram.

    The breast is segmented, small bright spots are found in it, and nearby spots form
    clusters (`breast_mask`, `find_spots`, `find_clusters`). No step is trained.

    Args:
        image: (H, W), bright calcifications, integers or finite floats.
        spacing_mm: pixel spacing, mm: one number, or that of rows and that of columns,
            such as `GreyImage.spacing_mm`.
        least_contrast: smallest contrast-to-noise ratio of a spot.
        least_spots: smallest number of spots in 1 cm², at least 2.
        most_clusters: largest number of candidates; None for all.
        film: whether to leave out spots too sharp for an X-ray image, such as dust and
            flaws on a scanned film. No effect with pixels above 0.06 mm.
        mask: bool (H, W), where to search; by default `breast_mask(image)`.

    Returns:
        The candidates, in falling order of scores.

    Raises:
        UserError: the spacing is None or out of range, the image is not grey, or a
            number is out of range.
    """
    spacing = as_spacing(spacing_mm)
    if mask is None:
        mask = breast_mask(image)
    spots = find_spots(image, spacing, mask, least_contrast, film)
    return find_clusters(spots, spacing, image.shape, least_spots, most_clusters)
