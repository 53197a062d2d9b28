"""From a mammogram to its candidate clusters of microcalcifications."""

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
    """Finds where a mammogram may show clusters of microcalcifications.

    The breast is told from the rest, small bright spots are found in it, and spots that
    lie together as radiologists define a cluster are given as one candidate
    (`breast_mask`, `find_spots`, `find_clusters`). No step was learnt from data.

    Args:
        image: (H, W), bright calcifications, integers or finite floats; the grey levels
            of `read_grey` will do.
        spacing_mm: distance between pixels in the breast, mm: one number, or that
            between rows and that between columns, as `GreyImage.spacing_mm` is.
        least_contrast: least contrast-to-noise of a spot.
        least_spots: least number of spots in 1 cm², at least 2.
        most_clusters: the greatest number of candidates, the best; `None` for all.
        film: leave out spots too sharp for an X-ray image, as dust and flaws on a
            scanned film are. Of no effect on pixels above 0.06 mm.
        mask: bool (H, W), where to look; by default the breast as `breast_mask` finds
            it.

    Returns:
        The candidates, the highest score first; none where nothing was found.

    Raises:
        UserError: if the spacing is `None` or no mammogram's, the image is no grey
            image, or a number is out of its range.
    """
    spacing = as_spacing(spacing_mm)
    if mask is None:
        mask = breast_mask(image)
    spots = find_spots(image, spacing, mask, least_contrast, film)
    return find_clusters(spots, spacing, image.shape, least_spots, most_clusters)
