"""Brings the subbands of a wavelet transform to one scale."""

from __future__ import annotations

from typing import Any

import keras

START_VARIANCE = 1e-3
"""Where the moving variance of a `SubbandNormalization` starts."""


@keras.saving.register_keras_serializable(package="keras_wa")
class SubbandNormalization(keras.layers.BatchNormalization):
    """Standardises each subband with its own moving mean and variance.

    Haar's LL band has gain 2 and the detail bands of a mammogram are tiny beside it:
    a convolution that sees them as they are sees LL alone. This is Keras'
    `BatchNormalization` with the defaults that subbands need and nothing else:

    - no learnt scale or offset: the convolution that follows has its own;
    - `momentum` 0.9: with Keras' 0.99 a validation means little in the first few
      hundred steps;
    - `epsilon` 1e-6: the variance of a detail band can be below 1e-4, so that Keras'
      1e-3 would leave it small. It is near the variance that rounding to 8 bits puts
      into every band of an orthonormal transform of an image in [0, 1],
      `(1/255)**2 / 12 = 1.3e-6`: what is below that is not worth amplifying;
    - the moving variance starts at `START_VARIANCE`, 1e-3, not at 1: at momentum 0.9 a
      start of 1 outweighs a variance of 1e-5 for a hundred steps, and validation would
      see detail bands that training did not. A layer that has never been trained
      multiplies by 32.

    Args:
        momentum: weight of the past in the moving statistics.
        epsilon: added to the variance.
        center: whether to learn an offset for each channel.
        scale: whether to learn a factor for each channel.
        **kwargs: passed to `keras.layers.BatchNormalization`; `axis=1` for channels
            first.

    Input shape: any with the subbands on the channel axis. Output shape: the same.
    """

    def __init__(
        self,
        momentum: float = 0.9,
        epsilon: float = 1e-6,
        center: bool = False,
        scale: bool = False,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault(
            "moving_variance_initializer",
            keras.initializers.Constant(START_VARIANCE),
        )
        super().__init__(
            momentum=momentum, epsilon=epsilon, center=center, scale=scale, **kwargs
        )
