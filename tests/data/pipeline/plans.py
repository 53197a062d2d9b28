"""ROIs and plans of training batches for the tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_wa.data.pipeline.augmentation import Augmentation
from keras_wa.data.pipeline.plan import TrainingPlan
from keras_wa.data.pipeline.rois import Rois

N, SIZE, BATCH = 23, 16, 5
STEPS = 4


def some_rois(n: int = N, seed: int = 0) -> Rois:
    """Random ROIs whose first pixel is their position."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, SIZE, SIZE), dtype=np.uint8)
    images[:, 0, 0] = np.arange(n)
    return Rois(lambda positions: images[positions], rng.integers(0, 2, n))


ROIS = some_rois()


def plan(**settings: Any) -> TrainingPlan:
    defaults: dict[str, Any] = {
        "source": lambda epoch: ROIS,
        "n": N,
        "image_size": SIZE,
        "batch_size": BATCH,
        "augmentation": Augmentation(),
    }
    return TrainingPlan(**{**defaults, **settings})


def arrays(batches: Any) -> list[tuple[np.ndarray, ...]]:
    """The batches of a `tf.data.Dataset` as arrays."""
    return [tuple(part.numpy() for part in batch) for batch in batches]


def assert_equal(found: Any, wanted: Any) -> None:
    for left, right in zip(found, wanted, strict=True):
        for a, b in zip(left, right, strict=True):
            np.testing.assert_array_equal(a, b)
