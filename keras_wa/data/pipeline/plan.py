"""The ROIs of each training step.

A training batch is a pure function of the global step: ROIs, order and augmentation. So
a resumed run has the batches of an uninterrupted one.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from keras_wa.data.io.clahe import clahe
from keras_wa.data.pipeline.augmentation import NO_AUGMENTATION, Augmentation
from keras_wa.data.pipeline.rois import Enhancement, Pixels, Rois
from keras_wa.errors import UserError

EpochSource = Callable[[int], Rois]

VIEW_DROPOUT = 0.3
"""Share of the ROIs that are paired with themselves, as in a test of one view."""


def class_weights(labels: np.ndarray, classes: int = 2) -> np.ndarray:
    """Returns `N / (classes * count)`, like scikit-learn's "balanced", as float32.

    Raises:
        ValueError: a class is missing.
    """
    counts = np.bincount(labels, minlength=classes)
    if not counts.all():
        raise ValueError(f"All classes must be present. Received: counts {counts}")
    return (len(labels) / (float(classes) * counts)).astype("float32")


@dataclasses.dataclass(frozen=True)
class TrainingPlan:
    """The batches of training, as a pure function of the step.

    Attributes:
        source: function from an epoch to its ROIs: a fixed set, or new ones of a
            phantom. Every epoch has the same number.
        n: number of ROIs per epoch.
        image_size: side of the ROIs, pixels.
        batch_size: number of ROIs per step. The last, incomplete batch of an epoch is
            dropped, since batch normalisation needs more than a few ROIs. The order
            changes in each epoch.
        seed: seed of order and augmentation.
        augmentation: ranges of the augmentation.
        enhancement: the usual CLAHE, which random CLAHE varies.
        weights: weight of each class, `(classes,)`.
        wavelet: None for batches of ROIs; a wavelet for their subbands.
        views: 2 pairs each ROI with another of its lesion, of another view if there is
            one, or with itself: a lesion's only ROI, and a share of the others.
        share: `(i, n)`: only the i-th of n equal parts of each batch, for the i-th of n
            processes. `batch_size` is a multiple of n.

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
    enhancement: Enhancement = dataclasses.field(default_factory=Enhancement)
    views: int = 1
    share: tuple[int, int] = (0, 1)
    _epoch: Callable[[int], tuple[np.ndarray, ...]] = dataclasses.field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise UserError(
                f"`batch_size` must be at least 1. Received: {self.batch_size}"
            )
        if self.batch_size > self.n:
            raise UserError(
                f"The batch is larger than the training set of {self.n} ROIs. "
                f"Received: {self.batch_size}; lower `batch_size`."
            )
        # Drawn once per epoch: for a million ROIs it takes longer than a step. Two
        # epochs, since the next one begins before the last one ends.
        cached = functools.lru_cache(maxsize=2)(self._draw_epoch)
        object.__setattr__(self, "_epoch", cached)

    @property
    def steps_per_epoch(self) -> int:
        """Number of complete batches per epoch."""
        return self.n // self.batch_size

    def draw(self, step: int) -> tuple[Pixels, np.ndarray, np.ndarray]:
        """Returns pixels `(B, H, W)` uint8, labels `(B,)` and changes of one step.

        The changes are those of `Augmentation.draw`, one row per ROI. With several
        shares, B is that of this share. With two views there are 2 B ROIs: each is
        followed by the one that it is paired with.
        """
        epoch, position = divmod(int(step), self.steps_per_epoch)
        rois = self.source(epoch)
        order, changes, factors = self._epoch(epoch)
        index, shares = self.share
        size = self.batch_size // shares
        first = position * self.batch_size + index * size
        part = slice(self.views * first, self.views * (first + size))
        chosen = order[part]
        pixels = self._read(rois, chosen, factors[part])
        labels = rois.labels[chosen[:: self.views]].astype("int32")
        return pixels, labels, changes[part]

    def _read(self, rois: Rois, at: np.ndarray, factors: np.ndarray) -> Pixels:
        """Returns the pixels of ROIs, by factors of `Augmentation.draw_clahe`."""
        drawn = np.flatnonzero(~np.isnan(factors))
        if not drawn.size:
            return rois.read(at)
        if rois.read_raw is None:
            raise ValueError("Random CLAHE needs ROIs with `read_raw`.")
        tiles = (self.enhancement.tiles, self.enhancement.tiles)
        pixels = rois.read(at)
        for i, image in zip(drawn, rois.read_raw(at[drawn]), strict=True):
            factor = float(factors[i])
            limit = self.enhancement.clip_limit * factor
            pixels[i] = clahe(image, limit, tiles) if factor else image
        return pixels

    def _draw_epoch(self, epoch: int) -> tuple[np.ndarray, ...]:
        """Returns order `(N,)`, changes `(N, 6 or 7)` and CLAHE `(N,)` of an epoch.

        With two views they have 2 N rows.
        """
        rng = np.random.default_rng([self.seed, epoch])
        order = rng.permutation(self.n)
        changes = self.augmentation.draw(self.n, rng)
        other = np.random.default_rng([self.seed, epoch, 1])
        ones = order, changes, self.augmentation.draw_clahe(self.n, other)
        if self.views == 1:
            return ones
        views = self.source(epoch).other_views
        if views is None:
            raise ValueError("Two views need ROIs with `other_views`.")
        rng = np.random.default_rng([self.seed, epoch, 2])
        alone = rng.uniform(size=self.n) < VIEW_DROPOUT
        second = np.where(alone, order, views.draw(order, rng))
        others = (
            second,
            self.augmentation.draw(self.n, rng),
            self.augmentation.draw_clahe(self.n, rng),
        )
        # An ROI with itself is changed once, so that the pair equals one view.
        pairs = [np.stack(both, axis=1) for both in zip(ones, others, strict=True)]
        same = second == order
        for pair in pairs:
            pair[same, 1] = pair[same, 0]
        return tuple(pair.reshape(-1, *pair.shape[2:]) for pair in pairs)
