"""Contrast-limited adaptive histogram equalisation (CLAHE) as a layer."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any

import keras
from keras import ops

LEVELS = 256
"""Grey levels of an 8-bit image: the bins of a histogram."""


def grey_levels(images: Any) -> Any:
    """Rounds images to grey levels.

    Args:
        images: a tensor of any shape and of any integer or float dtype.

    Returns:
        The values rounded and clipped to 0..255, int32 of the same shape.
    """
    if "int" not in keras.backend.standardize_dtype(images.dtype):
        images = ops.round(images)
    return ops.clip(ops.cast(images, "int32"), 0, LEVELS - 1)


def _reflect(images: Any, axis: int, size: Any, padded: Any) -> Any:
    """Pads an axis at its end by mirroring about the last pixel (REFLECT_101)."""
    if isinstance(padded, int) and padded == size:
        return images
    period = ops.maximum(2 * (size - 1), 1)
    position = ops.mod(ops.arange(padded, dtype="int32"), period)
    return ops.take(images, ops.minimum(position, period - position), axis=axis)


def _histograms(images: Any, tiles: tuple[int, int], tile_shape: Any) -> Any:
    """Counts the grey levels of each tile.

    Args:
        images: grey levels, int32 of shape `(batch, height, width)`; the sizes are
            multiples of the tile's.
        tiles: number of tiles `(rows, columns)`.
        tile_shape: height and width of a tile in pixels.

    Returns:
        Counts, int32 of shape `(batch, rows * columns, 256)`.
    """
    rows, columns = tiles
    batch, height, width = ops.shape(images)
    row = ops.arange(height, dtype="int32") // tile_shape[0]
    column = ops.arange(width, dtype="int32") // tile_shape[1]
    tile = row[:, None] * columns + column[None, :]
    image = ops.arange(batch, dtype="int32")[:, None, None] * (rows * columns)
    bins = ops.reshape((image + tile) * LEVELS + images, (-1,))
    counts = ops.segment_sum(
        ops.ones_like(bins), bins, num_segments=batch * rows * columns * LEVELS
    )
    return ops.reshape(counts, (batch, rows * columns, LEVELS))


def _clip(counts: Any, limit: Any) -> Any:
    """Clips the counts at a limit and spreads the excess over all bins."""
    clipped = ops.minimum(counts, limit)
    excess = ops.sum(counts - clipped, axis=-1, keepdims=True)
    share = excess // LEVELS
    residual = excess - share * LEVELS
    # The remainder goes to `residual` bins, `step` apart.
    step = ops.maximum(LEVELS // ops.maximum(residual, 1), 1)
    level = ops.arange(LEVELS, dtype="int32")
    chosen = (ops.mod(level, step) == 0) & (level // step < residual)
    return clipped + share + ops.cast(chosen, "int32")


def _neighbours(size: Any, tile_size: Any, count: int) -> tuple[Any, Any, Any]:
    """Finds the tiles whose centres lie before and after each pixel of an axis.

    Returns:
        The two tile numbers, int32 of shape `(size,)`, and the weight of the second,
        float32 of shape `(size,)`.
    """
    # Multiplying by the reciprocal rounds as OpenCV does; dividing would not.
    per_pixel = 1.0 / ops.cast(tile_size, "float32")
    position = ops.arange(size, dtype="float32") * per_pixel - 0.5
    before = ops.floor(position)
    index = ops.cast(before, "int32")
    return (
        ops.maximum(index, 0),
        ops.minimum(index + 1, count - 1),
        position - before,
    )


def _interpolate(images: Any, tables: Any, tiles: tuple[int, int], shape: Any) -> Any:
    """Looks each pixel up in the tables of the four nearest tiles and blends them.

    Args:
        images: grey levels, int32 of shape `(batch, height, width)`.
        tables: new grey level of each old one, float32 of shape
            `(batch, rows * columns, 256)`.
        tiles: number of tiles `(rows, columns)`.
        shape: height and width of a tile in pixels.

    Returns:
        Whole grey levels, float32 of shape `(batch, height, width)`.
    """
    rows, columns = tiles
    batch, height, width = ops.shape(images)
    top, bottom, down = _neighbours(height, shape[0], rows)
    left, right, across = _neighbours(width, shape[1], columns)
    image = ops.arange(batch, dtype="int32")[:, None, None] * (rows * columns)
    entries = image * LEVELS + images
    flat = ops.reshape(tables, (-1,))

    def look_up(row: Any, column: Any) -> Any:
        tile = row[:, None] * columns + column[None, :]
        return ops.take(flat, entries + tile[None] * LEVELS)

    down = down[:, None]
    above = look_up(top, left) * (1.0 - across) + look_up(top, right) * across
    below = look_up(bottom, left) * (1.0 - across) + look_up(bottom, right) * across
    return ops.round(above * (1.0 - down) + below * down)


@keras.saving.register_keras_serializable(package="keras_wa")
class CLAHE(keras.layers.Layer):
    """Contrast-limited adaptive histogram equalisation, pixel for pixel as in OpenCV.

    The histogram of each tile is clipped, the excess is spread over all bins, and the
    cumulative histogram becomes a table from old to new grey levels. Each pixel
    interpolates the tables of its four nearest tiles. An image whose size is no
    multiple of the tiles is mirrored at the right and the bottom, as in OpenCV.

    It computes in int32 and float32 under every dtype policy. Under XLA
    (`jit_compile`), which fuses multiplications with additions, about one pixel in 1000
    differs by one level. The layer has no weights and no gradient.

    Args:
        clip_limit: largest count of a histogram bin, as a multiple of the mean count;
            at least 0. 0 means no limit.
        tiles: number of tiles, `(rows, columns)`, each at least 1.
        **kwargs: passed to `keras.layers.Layer`.

    Input shape:
        `(batch, height, width, 1)`; batch, height and width may be unknown. Grey levels
        in 0..255 of any integer or float dtype. Fractions are rounded, values out of
        range clipped.

    Output shape:
        The same. Whole grey levels in 0..255 in the layer's compute dtype; float16
        and bfloat16 hold them exactly.

    Raises:
        ValueError: an argument is out of range, or the input has more than one channel.

    Example:
        >>> import numpy as np
        >>> from keras_wa.layers import CLAHE
        >>> ramp = np.arange(64, dtype="uint8").reshape(1, 8, 8, 1) + 100
        >>> equalised = np.asarray(CLAHE(tiles=(1, 1), clip_limit=0)(ramp))
        >>> print(ramp.min(), ramp.max(), "->", equalised.min(), equalised.max())
        100 163 -> 4.0 255.0

    Source:
        Zuiderveld 1994, "Contrast Limited Adaptive Histogram Equalization", Graphics
        Gems IV. Rounding and borders as in OpenCV's `cv::createCLAHE`.
    """

    def __init__(
        self,
        clip_limit: float = 2.0,
        tiles: tuple[int, int] = (8, 8),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if (
            not isinstance(clip_limit, int | float)
            or not math.isfinite(clip_limit)
            or clip_limit < 0
        ):
            raise ValueError(
                "`clip_limit` must be a number of at least 0. "
                f"Received: clip_limit={clip_limit!r}"
            )
        if (
            not isinstance(tiles, tuple | list)
            or len(tiles) != 2
            or not all(isinstance(count, Integral) and count >= 1 for count in tiles)
        ):
            raise ValueError(
                "`tiles` must be two whole numbers of at least 1, rows and columns. "
                f"Received: tiles={tiles!r}"
            )
        self.clip_limit = float(clip_limit)
        self.tiles = (int(tiles[0]), int(tiles[1]))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Checks that the images have one channel.

        Args:
            input_shape: `(batch, height, width, 1)`.

        Raises:
            ValueError: the shape is different.
        """
        if len(input_shape) != 4 or input_shape[-1] != 1:
            raise ValueError(
                "`CLAHE` takes grey images of shape (batch, height, width, 1). "
                f"Received: input_shape={tuple(input_shape)}"
            )
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """Equalises a batch.

        Args:
            inputs: grey levels of shape `(batch, height, width, 1)`.

        Returns:
            Whole grey levels of the same shape in the compute dtype.
        """
        rows, columns = self.tiles
        images = grey_levels(inputs)[..., 0]
        _, height, width = ops.shape(images)
        # OpenCV pads both axes if one is indivisible, and then a divisible one by a
        # whole `rows` or `columns`. `pads` is 1 then, else 0. It is computed, not
        # branched on, because the sizes may be unknown until the model runs.
        remainder = height % rows + width % columns
        pads = (remainder + rows + columns - 1) // (rows + columns)
        padded_height = height + pads * (rows - height % rows)
        padded_width = width + pads * (columns - width % columns)
        shape = (padded_height // rows, padded_width // columns)

        padded = _reflect(images, 1, height, padded_height)
        padded = _reflect(padded, 2, width, padded_width)
        counts = _histograms(padded, self.tiles, shape)
        area = shape[0] * shape[1]
        if self.clip_limit > 0:
            counts = _clip(counts, self._limit(area))
        scale = (LEVELS - 1) / ops.cast(area, "float32")
        tables = ops.round(ops.cast(ops.cumsum(counts, axis=-1), "float32") * scale)
        tables = ops.minimum(tables, LEVELS - 1)
        equalised = _interpolate(images, tables, self.tiles, shape)
        return ops.cast(equalised[..., None], self.compute_dtype)

    def _limit(self, area: Any) -> Any:
        """Returns the largest count of a bin for tiles of `area` pixels."""
        if isinstance(area, int):
            return max(int(self.clip_limit * area / LEVELS), 1)
        # Only TensorFlow has sizes unknown before the run, and it has float64. In
        # float32 a limit that is almost whole would round to another number.
        limit = ops.cast(area, "float64") * self.clip_limit / LEVELS
        return ops.maximum(ops.cast(limit, "int32"), 1)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Returns `input_shape`."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        config = super().get_config()
        config.update({"clip_limit": self.clip_limit, "tiles": self.tiles})
        return config
