"""Batch normalisation for the subbands of a wavelet transform."""

from __future__ import annotations

from typing import Any

import keras

START_VARIANCE = 1e-3
"""Initial moving variance of a `SubbandNormalization`."""


@keras.saving.register_keras_serializable(package="keras_wa")
class SubbandNormalization(keras.layers.BatchNormalization):
    """Standardises each subband by its own moving mean and variance.

    Haar's LL band has gain 2, and the detail bands of a mammogram are tiny beside it:
    without normalisation a convolution sees little but LL. This is Keras'
    `BatchNormalization` with other defaults:

    - no learned scale and offset: the convolution that follows has its own;
    - `momentum` 0.9: with Keras' 0.99 the statistics need several hundred steps;
    - `epsilon` 1e-6: the variance of a detail band can be below 1e-4, which Keras' 1e-3
      would hide. 1e-6 is about `(1/255)**2 / 12 = 1.3e-6`, the variance from rounding
      to 8 bits in each band of an orthonormal transform of an image in [0, 1];
    - an initial moving variance of 1e-3: Keras' 1 would outweigh a variance of 1e-5 for
      a hundred steps. An untrained layer multiplies by 32.

    Args:
        momentum: momentum of the moving statistics, in [0, 1).
        epsilon: small number added to the variance.
        center: whether to learn an offset for each channel.
        scale: whether to learn a factor for each channel.
        **kwargs: passed to `keras.layers.BatchNormalization`; `axis=1` for channels
            first.

    Input shape:
        Any, with the subbands on the channel axis.

    Output shape:
        The same.

    Example:
        >>> import keras
        >>> from keras_wa.layers import DWT2D, SubbandNormalization
        >>> bands = DWT2D()(keras.random.uniform((4, 32, 32, 1), seed=0))
        >>> normed = SubbandNormalization()(bands, training=True)
        >>> [round(float(each), 2) for each in keras.ops.std(normed, axis=(0, 1, 2))]
        [1.0, 1.0, 1.0, 1.0]

    Source:
        Ioffe & Szegedy 2015, "Batch Normalization".
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
