"""Single-feature baselines: the AUC of one number of the pixels.

If the mean grey level alone separates the classes, a high AUC shows a shortcut in the
data, not what the network learnt.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from keras_wa.metrics.bootstrap import cluster_bootstrap_auc
from keras_wa.metrics.classification import area_under_roc
from keras_wa.metrics.estimate import Estimate

# Pixels read at once: a stack may exceed the memory, and each pixel takes a float64.
_PIXELS = 1 << 22


class Images(Protocol):
    """The part of the interface of an array `(n, height, width)` that is used here."""

    @property
    def dtype(self) -> np.dtype[np.uint8]: ...

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, at: slice, /) -> NDArray[np.uint8]: ...


def single_feature_statistics(images: Images) -> pd.DataFrame:
    """Summarises each image by single numbers of its grey levels.

    Args:
        images: uint8 of shape `(n, height, width)`; an array, a memory map, or an
            object that reads slices on demand. They are read in blocks.

    Returns:
        One row per image, float64 columns `mean`, `standard_deviation` (population),
        `maximum` and `max_minus_median`, in grey levels.
    """
    if images.dtype != np.uint8 or len(images.shape) != 3 or 0 in images.shape:
        raise ValueError(
            "images must be uint8 of shape (n, height, width), not empty. "
            f"Received: {images.dtype} of shape {images.shape}"
        )
    count, height, width = images.shape
    step = max(1, _PIXELS // (height * width))
    rows = []
    for start in range(0, count, step):
        flat = np.asarray(images[start : start + step]).reshape(-1, height * width)
        rows.append(pd.DataFrame(_statistics(flat)))
    return pd.concat(rows, ignore_index=True)


def statistics_of_one(image: NDArray[np.uint8]) -> dict[str, float]:
    """`single_feature_statistics` of one image `(height, width)`, as a dictionary."""
    found = _statistics(image.reshape(1, -1))
    return {name: float(value[0]) for name, value in found.items()}


def _statistics(flat: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    """The statistics of images given as rows of pixels."""
    maximum = flat.max(axis=1).astype(np.float64)
    return {
        "mean": flat.mean(axis=1, dtype=np.float64),
        "standard_deviation": flat.std(axis=1, dtype=np.float64),
        "maximum": maximum,
        "max_minus_median": maximum - np.median(flat, axis=1),
    }


def single_feature_aucs(
    train_images: Images,
    train_labels: ArrayLike,
    test_images: Images,
    test_labels: ArrayLike,
    test_groups: Any,
    **options: Any,
) -> dict[str, Estimate]:
    """Computes the test AUC of each statistic, its sign chosen on the training set.

    Args:
        train_images, test_images: see `single_feature_statistics`.
        train_labels, test_labels: 0 or 1; of the training set both.
        test_groups: patient identifiers of the test images.
        **options: see `cluster_bootstrap_auc`.

    Returns:
        For each statistic its test AUC with the patient-cluster bootstrap interval;
        below 0.5 if the sign chosen on the training set does not hold.
    """
    train = single_feature_statistics(train_images)
    test = single_feature_statistics(test_images)
    return {
        str(name): directed_auc(
            train_labels, train[name], test_labels, test[name], test_groups, **options
        )[0]
        for name in train
    }


def directed_auc(
    train_labels: ArrayLike,
    train_values: ArrayLike,
    test_labels: ArrayLike,
    test_values: ArrayLike,
    test_groups: Any,
    **options: Any,
) -> tuple[Estimate, bool]:
    """Computes the test AUC of a number, and whether it rises with the training label.

    Where it falls, the AUC is that of its negative.
    """
    train_auc = area_under_roc(train_labels, train_values)
    if np.isnan(train_auc):
        raise ValueError(
            f"train_labels must hold both classes. Received: {np.size(train_labels)} "
            "labels, all equal"
        )
    rises = train_auc >= 0.5
    scores = np.asarray(test_values, np.float64) * (1 if rises else -1)
    return cluster_bootstrap_auc(test_labels, scores, test_groups, **options), rises
