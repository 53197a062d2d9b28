"""Resizing of 8-bit images to one size, as a layer."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import keras
from keras import ops

from keras_wa.layers.clahe import grey_levels

ONE = 256
"""Weight 1 of the linear interpolation, whose weights are multiples of 1/256."""


def _along(axis: int, weights: Any) -> Any:
    """Reshapes the weights of an axis to broadcast over (batch, h, w, channels)."""
    return ops.reshape(weights, (1, -1, 1, 1) if axis == 1 else (1, 1, -1, 1))


def _add_areas(images: Any, axis: int, old: Any, new: Any, unit: Any) -> Any:
    """Sums the pixels that each cell of a coarser grid covers on one axis.

    Not a matrix product: accelerators compute those in TF32 or bfloat16, which is too
    coarse for equal grey levels.

    Args:
        images: float32 of shape `(batch, height, width, channels)`.
        axis: 1 or 2.
        old: pixels on the axis.
        new: cells on the axis, at most `old`.
        unit: divisor of an overlap of one `new`-th of a pixel: `new` gives sums, `old`
            means.

    Returns:
        float32 of the same shape, with `new` cells on the axis.
    """
    if isinstance(old, int) and isinstance(new, int) and old == new:
        return images
    # In units of one new-th of a pixel both grids have integer coordinates.
    start = ops.arange(new, dtype="int32") * old
    first = start // new

    def pixel(number: Any) -> Any:
        index = first + number
        end = ops.minimum(start + old, (index + 1) * new)
        overlap = ops.maximum(end - ops.maximum(start, index * new), 0)
        weights = ops.cast(overlap, "float32") / ops.cast(unit, "float32")
        values = ops.take(images, ops.minimum(index, old - 1), axis=axis)
        return values * _along(axis, weights)

    most = (old + new - 1) // new + 1
    return ops.fori_loop(1, most, lambda n, total: total + pixel(n), pixel(0))


def _shrink(levels: Any, height: Any, width: Any) -> Any:
    """Averages areas, as `cv2.INTER_AREA` does, rounding included.

    Args:
        levels: grey levels, int32 of shape `(batch, old_height, old_width, channels)`.
        height: rows of the result, at most `old_height`.
        width: columns of the result, at most `old_width`.

    Returns:
        Grey levels, int32 of shape `(batch, height, width, channels)`.
    """
    _, old_height, old_width, _ = ops.shape(levels)
    # OpenCV sums pixels and divides once if both factors are integers, else it sums
    # weighted means. The two differ if a mean ends in one half.
    by_height, by_width = old_height // height, old_width // width
    whole = (by_height * height == old_height) & (by_width * width == old_width)
    images = ops.cast(levels, "float32")
    images = _add_areas(images, 2, old_width, width, ops.where(whole, width, old_width))
    images = _add_areas(
        images, 1, old_height, height, ops.where(whole, height, old_height)
    )
    area = ops.cast(by_height * by_width, "float32")
    images = images * ops.where(whole, 1.0 / area, 1.0)
    # Halves round up if both axes are halved, else to the even neighbour.
    halved = (by_height == 2) & (by_width == 2) & whole
    rounded = ops.where(halved, ops.floor(images + 0.5), ops.round(images))
    return ops.cast(rounded, "int32")


def _interpolate(levels: Any, axis: int, old: Any, new: Any) -> Any:
    """Interpolates linearly between pixel centres on one axis, in integers.

    Args:
        levels: int32 of shape `(batch, height, width, channels)`.
        axis: 1 or 2.
        old: pixels on the axis.
        new: pixels of the result, at least `old`.

    Returns:
        256 times the interpolated values, int32.
    """
    if isinstance(old, int) and old == new:
        return levels * ONE
    # Centres of the new pixels, in units of one 2*new-th of an old pixel.
    unit = 2 * new
    centre = (2 * ops.arange(new, dtype="int32") + 1) * old - new
    centre = ops.clip(centre, 0, unit * (old - 1))
    before = centre // unit
    remainder = ops.cast((centre - before * unit) * ONE, "float32")
    fraction = remainder / ops.cast(unit, "float32")
    weights = _along(axis, ops.cast(ops.round(fraction), "int32"))
    after = ops.minimum(before + 1, old - 1)
    return (
        ops.take(levels, before, axis=axis) * (ONE - weights)
        + ops.take(levels, after, axis=axis) * weights
    )


def _smaller(size: int, old: Any) -> Any:
    """Returns the smaller of a size and one that may be known only at run time."""
    return min(size, old) if isinstance(old, int) else ops.minimum(size, old)


@keras.saving.register_keras_serializable(package="keras_wa")
class Resize2D(keras.layers.Layer):
    """Resizes 8-bit images: area averages to shrink, linear interpolation to grow.

    Axes that shrink come first: a new pixel is the mean of the area that it covers
    (`cv2.INTER_AREA`). Then axes that grow: linear interpolation between pixel centres
    with the border repeated (`cv2.INTER_LINEAR_EXACT`). Each step rounds to whole grey
    levels, to the same pixels as `keras_wa.data.io.resize`. It computes in int32 and
    float32 under every dtype policy. The layer has no weights and no gradient.

    Args:
        height: height of the output, pixels, at least 1.
        width: width of the output, pixels, at least 1.
        **kwargs: passed to `keras.layers.Layer`.

    Input shape:
        `(batch, old_height, old_width, channels)`, each of which may be unknown. Grey
        levels in 0..255 of any integer or float dtype. Fractions are rounded, values
        out of range clipped.

    Output shape:
        `(batch, height, width, channels)`. Whole grey levels in 0..255 in the layer's
        compute dtype; float16 and bfloat16 hold them exactly.

    Raises:
        ValueError: an argument is out of range, or the input does not have four axes.

    Example:
        >>> import numpy as np
        >>> from keras_wa.layers import Resize2D
        >>> image = np.array([[0, 10], [20, 30]], "uint8").reshape(1, 2, 2, 1)
        >>> np.asarray(Resize2D(1, 1)(image)).ravel().tolist()
        [15.0]

    Source:
        OpenCV's `cv::resize`, rounding included.
    """

    def __init__(self, height: int, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name, size in (("height", height), ("width", width)):
            if not isinstance(size, Integral) or size < 1:
                raise ValueError(
                    f"`{name}` must be a whole number of at least 1. "
                    f"Received: {name}={size!r}"
                )
        self.height = int(height)
        self.width = int(width)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Checks that the input is a batch of images.

        Args:
            input_shape: `(batch, old_height, old_width, channels)`.

        Raises:
            ValueError: the shape is different.
        """
        if len(input_shape) != 4:
            raise ValueError(
                "`Resize2D` takes images of shape (batch, height, width, channels). "
                f"Received: input_shape={tuple(input_shape)}"
            )
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """Resizes a batch.

        Args:
            inputs: grey levels of shape `(batch, old_height, old_width, channels)`.

        Returns:
            Whole grey levels `(batch, height, width, channels)` in the compute dtype.
        """
        levels = grey_levels(inputs)
        _, old_height, old_width, _ = ops.shape(levels)
        least_height = _smaller(self.height, old_height)
        least_width = _smaller(self.width, old_width)
        levels = _shrink(levels, least_height, least_width)
        levels = _interpolate(levels, 2, least_width, self.width)
        levels = _interpolate(levels, 1, least_height, self.height)
        # Integers so far: halves round up on every machine, as in OpenCV.
        levels = (levels + ONE * ONE // 2) // (ONE * ONE)
        return ops.cast(levels, self.compute_dtype)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Returns `(batch, height, width, channels)`."""
        return (input_shape[0], self.height, self.width, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        config = super().get_config()
        config.update({"height": self.height, "width": self.width})
        return config
