"""`tf.data` batches from enhanced 8-bit ROIs.

A training batch is a pure function of the global step: which ROIs, in which order, with
which augmentation. So a resumed run sees what the uninterrupted one would have seen.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from keras_wa.errors import UserError
from keras_wa.layers import DWT2D
from keras_wa.pipeline.augmentation import NO_AUGMENTATION, Augmentation, augment
from keras_wa.pipeline.rois import Pixels, Rois

EpochSource = Callable[[int], Rois]

# What `tf.data` maps here has no Python control flow over tensors: left as it is, it is
# traced sooner, seen by debuggers, and measured by coverage.
_as_it_is = tf.autograph.experimental.do_not_convert


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
        share: `(i, n)`: `batches` gives the i-th of n equal parts of each batch, for
            the i-th of n processes. `batch_size` is a multiple of n.

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

    def batches(self, first_epoch: int, epochs: int) -> tf.data.Dataset:
        """The batches of epochs `first_epoch` to `epochs - 1`.

        Returns:
            A dataset of `(inputs, one-hot labels, weights)`, all float32:
            ROIs `(B, H, W, 1)` in [0, 1] or their subbands (for Haar
            `(B, H / 2, W / 2, 4)`), `(B, classes)` and `(B,)`.
        """
        steps = self.steps_per_epoch
        size, batch = self.image_size, self.batch_size // self.share[1]
        to_inputs = input_mapper(self.wavelet)

        @_as_it_is
        def draw(step: tf.Tensor) -> tuple[tf.Tensor, ...]:
            pixels, labels, changes = tf.numpy_function(
                self.draw, [step], (tf.uint8, tf.int32, tf.float32), stateful=False
            )
            return (
                tf.ensure_shape(pixels, (batch, size, size)),
                tf.ensure_shape(labels, (batch,)),
                tf.ensure_shape(changes, (batch, 6)),
            )

        @_as_it_is
        def finish(
            pixels: tf.Tensor, labels: tf.Tensor, changes: tf.Tensor
        ) -> tuple[tf.Tensor, ...]:
            images = scale_pixels(pixels)
            if not self.augmentation.changes_nothing:
                images = augment(images, changes)
            targets = tf.one_hot(labels, len(self.weights))
            return to_inputs(images), targets, tf.gather(self.weights, labels)

        return (
            tf.data.Dataset.range(first_epoch * steps, epochs * steps)
            .map(draw, num_parallel_calls=2, deterministic=True)
            .map(finish, num_parallel_calls=2, deterministic=True)
            .prefetch(2)
        )


def evaluation_batches(
    rois: Rois, image_size: int, batch_size: int = 32, wavelet: str | None = None
) -> tf.data.Dataset:
    """All ROIs in order, unchanged.

    Returns:
        A dataset of float32 inputs as in `TrainingPlan.batches`; the last batch may be
        smaller.
    """
    to_inputs = input_mapper(wavelet)

    @_as_it_is
    def read(positions: tf.Tensor) -> tf.Tensor:
        pixels = tf.numpy_function(rois.read, [positions], tf.uint8, stateful=False)
        pixels = tf.ensure_shape(pixels, (None, image_size, image_size))
        return to_inputs(scale_pixels(pixels))

    return tf.data.Dataset.range(len(rois)).batch(batch_size).map(read).prefetch(2)


def scale_pixels(pixels: tf.Tensor) -> tf.Tensor:
    """uint8 `(B, H, W)` -> float32 `(B, H, W, 1)` in [0, 1]."""
    return tf.cast(pixels, tf.float32)[..., tf.newaxis] / 255.0


def input_mapper(wavelet: str | None) -> Callable[[tf.Tensor], tf.Tensor]:
    """The identity, or the DWT as the model's own first layer computes it."""
    if wavelet is None:
        return lambda images: images
    return DWT2D(wavelet=wavelet, dtype="float32")
