"""Random flips, rotations, scale, brightness, contrast, gamma and CLAHE of grey ROIs.

`draw` samples the changes in NumPy, as a pure function of its generator, so that an
epoch can be repeated after an interruption; `augment` applies them with `keras.ops`.
The geometry is one affine map, so that an ROI is resampled once.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from keras_wa.settings import Settings, real


@dataclasses.dataclass(frozen=True)
class Augmentation(Settings):
    """The ranges of random augmentation.

    Attributes:
        flip: whether to flip left-right and up-down, each with probability 1/2.
        rotation: largest rotation to either side, degrees.
        scale: largest relative change of size; 0.1 draws from 1/1.1 to 1.1.
        resampled: share of the ROIs with such a rotation and scale. Resampling blurs
            film grain and fine calcifications, which are most of the HH band. The other
            ROIs get the nearest quarter turn within `rotation` and keep their size,
            which is exact, so that training has unblurred ROIs too, as validation does.
        brightness: largest shift of the grey value, relative to the whole range.
        contrast: largest relative change of contrast about the ROI's mean.
        gamma: largest relative change of the exponent of the grey values; 1.0 draws
            from 1/2 to 2. It comes before contrast and brightness.
        random_clahe: share of the ROIs without the usual CLAHE: half of them get none,
            half a clip limit from half to twice the usual one.

    Raises:
        UserError: a value is out of range.
    """

    flip: bool = True
    rotation: float = real(180.0, 0, 180)
    scale: float = real(0.1, 0, 1)
    resampled: float = real(0.5, 0, 1)
    brightness: float = real(0.1, 0, 1)
    contrast: float = real(0.1, 0, 1)
    gamma: float = real(0.0, 0, 10)
    random_clahe: float = real(0.0, 0, 1)

    @property
    def changes_nothing(self) -> bool:
        """Whether there is no augmentation."""
        return self == dataclasses.replace(NO_AUGMENTATION, resampled=self.resampled)

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draws the changes for n ROIs.

        Each ROI uses the same part of the generator's stream, so that the i-th ROI's
        changes do not depend on n.

        Returns:
            float32 `(n, 6)`: the 2x2 matrix that maps output to input coordinates
            (row by row, around the ROI's centre, x before y), the contrast factor and
            the brightness shift. With `gamma` `(n, 7)`: the exponent as well.
        """
        u = rng.uniform(-1.0, 1.0, size=(n, 7))
        flip_x, flip_y = np.where(self.flip & (u[:, :2] < 0), -1.0, 1.0).T
        resampled = u[:, 6] < 2.0 * self.resampled - 1.0
        turn = self.rotation * u[:, 2]
        most = self.rotation // 90.0
        quarters = np.clip(np.round(turn / 90.0), -most, most)
        angle = np.deg2rad(np.where(resampled, turn, 90.0 * quarters))
        zoom = np.where(resampled, (1.0 + self.scale) ** u[:, 3], 1.0)
        cos, sin = np.cos(angle) / zoom, np.sin(angle) / zoom
        matrix = [cos * flip_x, -sin * flip_x, sin * flip_y, cos * flip_y]
        grey = [1.0 + self.contrast * u[:, 4], self.brightness * u[:, 5]]
        if self.gamma:  # Another stream, so that the other draws do not change.
            exponent = rng.spawn(1)[0].uniform(-1.0, 1.0, size=n)
            grey.append((1.0 + self.gamma) ** exponent)
        return np.stack([*matrix, *grey], axis=1).astype("float32")

    def draw_clahe(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draws the clip limits of CLAHE for n ROIs.

        Returns:
            float64 `(n,)`: a factor on the usual clip limit, 0.5 to 2; 0 for no CLAHE;
            NaN for the usual CLAHE.
        """
        u = rng.uniform(size=(n, 2))
        other = np.where(u[:, 1] < 0.5, 0.0, 2.0 ** (4.0 * u[:, 1] - 3.0))
        return np.where(u[:, 0] < self.random_clahe, other, np.nan)


NO_AUGMENTATION = Augmentation(
    flip=False, rotation=0.0, scale=0.0, brightness=0.0, contrast=0.0
)


def augment(images: Any, changes: Any) -> Any:
    """Applies drawn changes to a batch, float `(batch, height, width, 1)` in [0, 1].

    Beyond the edge, tissue is mirrored.
    """
    from keras import ops  # Settings of the augmentation need no Keras.

    height, width = ops.shape(images)[1], ops.shape(images)[2]
    changes = ops.cast(changes, images.dtype)
    columns = ops.split(changes, changes.shape[1], axis=1)
    a, b, d, e, contrast, brightness, *gamma = columns
    centre_x = ops.cast(width - 1, images.dtype) / 2
    centre_y = ops.cast(height - 1, images.dtype) / 2
    c = centre_x - a * centre_x - b * centre_y
    f = centre_y - d * centre_x - e * centre_y
    zero = ops.zeros_like(a)
    moved = ops.image.affine_transform(
        images,
        ops.concatenate([a, b, c, d, e, f, zero, zero], axis=1),
        interpolation="bilinear",
        fill_mode="reflect",
        data_format="channels_last",
    )
    if gamma:
        moved = ops.power(ops.clip(moved, 0.0, 1.0), gamma[0][:, :, None, None])
    mean = ops.mean(moved, axis=(1, 2, 3), keepdims=True)
    contrast, brightness = contrast[:, :, None, None], brightness[:, :, None, None]
    return ops.clip((moved - mean) * contrast + mean + brightness, 0.0, 1.0)
