"""Which ROIs each training step sees.

A training batch is a pure function of the global step: which ROIs, in which order, with
which augmentation. So a resumed run sees what the uninterrupted one would have seen.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from keras_wa.errors import UserError
from keras_wa.pipeline.augmentation import NO_AUGMENTATION, Augmentation
from keras_wa.pipeline.rois import Pixels, Rois

EpochSource = Callable[[int], Rois]


def class_weights(labels: np.ndarray, classes: int = 2) -> np.ndarray:
    """Weights that give all classes the same total, with a mean of 1 over the ROIs.

    Args:
        labels: int `(N,)` of 0 to `classes - 1`, each of them present.
        classes: how many there are.

    Returns:
        float32 `(classes,)`, `N / (classes * count)`, as scikit-learn's "balanced".

    Raises:
        ValueError: a class is missing.
    """
    counts = np.bincount(labels, minlength=classes)
    if not counts.all():
        raise ValueError(f"All classes must be present. Received: counts {counts}")
    return (len(labels) / (float(classes) * counts)).astype("float32")


@dataclasses.dataclass(frozen=True)
class TrainingPlan:
    """What each training step sees, a pure function of the step's number.

    Attributes:
        source: epoch -> its ROIs. A fixed set returns the same ones each time; a
            phantom may draw new ones. Every epoch has the same number.
        n: ROIs an epoch.
        image_size: side of the ROIs, pixels.
        batch_size: ROIs a step. The last, incomplete batch of an epoch is left out:
            batch normalisation over a handful of ROIs does harm. The order changes
            from epoch to epoch, so none is left out for long.
        seed: decides order and augmentation.
        augmentation: how far each ROI is moved.
        weights: weight of each class, `(classes,)`.
        wavelet: `None`: the batch holds ROIs; a wavelet's name: their subbands.
        share: `(i, n)`: only the i-th of n equal parts of each batch, for the i-th of
            n processes. `batch_size` is a multiple of n.

    Raises:
        UserError: the batch is larger than the set.
    """

    source: EpochSource
    n: int
    image_size: int
    batch_size: int
    seed: int = 0
    augmentation: Augmentation = NO_AUGMENTATION
    weights: np.ndarray = dataclasses.field(
        default_factory=lambda: np.ones(2, "float32")
    )
    wavelet: str | None = None
    share: tuple[int, int] = (0, 1)
    _epoch: Callable[[int], tuple[np.ndarray, np.ndarray]] = dataclasses.field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise UserError(
                f"--batch-size must be at least 1. Received: {self.batch_size}"
            )
        if self.batch_size > self.n:
            raise UserError(
                f"The batch is larger than the training set of {self.n} ROIs. "
                f"Received: {self.batch_size}; lower --batch-size."
            )
        # Drawn once an epoch and not once a step, which of a million ROIs takes longer
        # than the step. Two, since the next epoch begins before the last one ends.
        cached = functools.lru_cache(maxsize=2)(self._draw_epoch)
        object.__setattr__(self, "_epoch", cached)

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in an epoch."""
        return self.n // self.batch_size

    def draw(self, step: int) -> tuple[Pixels, np.ndarray, np.ndarray]:
        """Pixels `(B, H, W)` uint8, labels `(B,)` and changes `(B, 6)` of one step.

        Of a share, B is its part of the batch.
        """
        epoch, position = divmod(int(step), self.steps_per_epoch)
        rois = self.source(epoch)
        order, changes = self._epoch(epoch)
        index, shares = self.share
        size = self.batch_size // shares
        first = position * self.batch_size + index * size
        part = slice(first, first + size)
        chosen = order[part]
        return rois.read(chosen), rois.labels[chosen].astype("int32"), changes[part]

    def _draw_epoch(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Order `(N,)` and changes `(N, 6)` of an epoch."""
        rng = np.random.default_rng([self.seed, epoch])
        order = rng.permutation(self.n)
        return order, self.augmentation.draw(self.n, rng)
