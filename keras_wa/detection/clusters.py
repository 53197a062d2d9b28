"""Clusters of spots, by the radiological definition of a cluster.

A cluster is at least three to five calcifications in an area of one square centimetre
(Kopans 1986; Tabár & Dean 1985; BI-RADS' "grouped" begins at five, ACR BI-RADS Atlas,
5th edition, 2013). Here: at least `least_spots` spots in a circle of 1 cm² about one of
them. The best circle is taken first and its spots are removed. So a cluster is at most
11.3 mm wide, and a larger lesion, of linear or segmental distribution, is several
clusters. Linking nearby spots instead would grow chains of stray spots as large as the
breast.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import radius_neighbors_graph

from keras_wa.detection.spots import Spots, as_spacing
from keras_wa.errors import UserError

RADIUS_MM = 10 / math.sqrt(math.pi)
"""Radius of a circle of 1 cm², mm."""

# Range of a spot's contrast that counts. Noise often reaches 3, and a single bright
# spot, a coarse benign calcification or a flaw of the film, is not a cluster.
_NO_CONTRAST, _MOST_CONTRAST = 3.0, 10.0


@dataclasses.dataclass(frozen=True)
class SpotCluster:
    """A cluster of spots.

    Attributes:
        box: left, top, right, bottom, pixels of the image; right and bottom are
            exclusive.
        n_spots: number of spots.
        score: sum over the spots of the contrast above 3, at most 10 each. Higher is
            more likely; it is not a probability.
    """

    box: tuple[int, int, int, int]
    n_spots: int
    score: float

    @property
    def centre(self) -> tuple[float, float]:
        """Column and row of the box's centre; the centres of pixels are integers."""
        left, top, right, bottom = self.box
        return (left + right - 1) / 2, (top + bottom - 1) / 2


def find_clusters(
    spots: Spots,
    spacing_mm: float | tuple[float, float],
    shape: tuple[int, int],
    least_spots: int = 3,
    most_clusters: int | None = None,
) -> list[SpotCluster]:
    """Finds clusters among spots.

    Args:
        spots: spots of one image.
        spacing_mm: distance of rows and of columns, mm.
        shape: height and width of the image, pixels, to which boxes are clipped.
        least_spots: smallest number of spots in 1 cm², at least 2.
        most_clusters: largest number of clusters; None for all.

    Returns:
        The clusters, in falling order of scores. Each spot is in at most one.

    Raises:
        UserError: a number or the spacing is out of range.
    """
    if least_spots < 2:
        raise UserError(
            f"least_spots: Received: {least_spots}; expected at least 2: one spot is "
            "no cluster."
        )
    if most_clusters is not None and most_clusters < 1:
        raise UserError(
            f"most_clusters: Received: {most_clusters}; expected at least 1, or None "
            "for all."
        )
    spacing = as_spacing(spacing_mm)
    if len(spots) < least_spots:
        return []
    places = np.stack([spots.x * spacing[1], spots.y * spacing[0]], axis=1)
    near = radius_neighbors_graph(places, RADIUS_MM, include_self=True).tocsr()
    weight = np.clip(spots.contrast, _NO_CONTRAST, _MOST_CONTRAST) - _NO_CONTRAST
    free = np.ones(len(spots))
    clusters: list[SpotCluster] = []
    # Circles only lose spots, so that scores fall.
    while len(clusters) != most_clusters:
        score = np.where((near @ free >= least_spots) & (free > 0), near @ weight, -1)
        best = int(score.argmax())
        if score[best] < 0:
            break
        around = near.indices[near.indptr[best] : near.indptr[best + 1]]
        members = around[free[around] > 0]
        box = _box(spots, members, spacing, shape)
        clusters.append(SpotCluster(box, len(members), float(score[best])))
        free[members] = weight[members] = 0
    return clusters


def _box(
    spots: Spots,
    members: NDArray[np.int64],
    spacing_mm: tuple[float, float],
    shape: tuple[int, int],
) -> tuple[int, int, int, int]:
    """Returns the smallest box around the disks of spots, clipped to the image."""
    radius = spots.diameter_mm[members] / 2
    ends = []
    for centre, mm, length in (
        (spots.x[members], spacing_mm[1], shape[1]),
        (spots.y[members], spacing_mm[0], shape[0]),
    ):
        # Pixel k extends from k - 0.5 to k + 0.5.
        first = math.floor(float((centre - radius / mm).min()) + 0.5)
        last = math.ceil(float((centre + radius / mm).max()) + 0.5)
        ends.append((max(first, 0), min(last, length)))
    (left, right), (top, bottom) = ends
    return left, top, right, bottom
