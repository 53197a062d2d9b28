"""Candidate clusters of microcalcifications on whole mammograms, not trained."""

from __future__ import annotations

from keras_wa.detection.breast import breast_mask
from keras_wa.detection.clusters import SpotCluster, find_clusters
from keras_wa.detection.detect import find_candidates
from keras_wa.detection.spots import Spots, find_spots

__all__ = [
    "SpotCluster",
    "Spots",
    "breast_mask",
    "find_candidates",
    "find_clusters",
    "find_spots",
]
