"""Inputs of the trunks: the ROI, its subbands, their normalisation."""

from __future__ import annotations

import keras
import pywt
from keras import layers

from keras_wa.errors import UserError
from keras_wa.layers import DWT2D, IDWT2D, SubbandNormalization
from keras_wa.models.checks import check_choice, check_image_size

NORMS = ("each", "shared", "none")


def standardised_roi(
    image_size: int, even: bool = False
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Returns the input `roi`, `(batch, image_size, image_size, 1)`, and it normalised.

    Every model starts with them, so that models differ only in what follows.

    Raises:
        UserError: the ROI is too small, or odd although `even` is set.
    """
    check_image_size(image_size, even)
    roi = keras.Input((image_size, image_size, 1), name="roi")
    return roi, normalised(roi, "each")


def standardised_subbands(
    image_size: int, dwt: str, wavelet: str, levels: int, subband_norm: str
) -> keras.KerasTensor:
    """Returns the normalised subbands of a new input, one or two levels.

    Args:
        image_size: side of the ROI, even.
        dwt: `"model"` or `"pipeline"`, see `wa_resnet50`.
        wavelet: see `DWT2D`.
        levels: 1: LL, LH, HL, HH. 2: those of the second level, upsampled to the first
            by repetition, then LH, HL, HH of the first.
        subband_norm: see `normalised`.

    Returns:
        `(batch, size, size, 4)`, or 7 channels with two levels; float32. For Haar
        `size` is half of `image_size`.

    Raises:
        UserError: a value is out of range.
    """
    check_choice("dwt", dwt, ("model", "pipeline"))
    check_choice("levels", levels, (1, 2))
    check_image_size(image_size, even=True)
    roi_shape = (image_size, image_size, 1)
    # Half precision would lose faint details.
    transform = DWT2D(wavelet=wavelet, levels=levels, dtype="float32", name="dwt")
    if dwt == "pipeline":
        if levels > 1:
            raise UserError(
                "`levels` above 1 needs the DWT in the model: the input pipeline gives "
                f"one level. Received: dwt={dwt!r}; expected 'model'."
            )
        _, *shape = transform.compute_output_shape((None, *roi_shape))
        return normalised(keras.Input(shape, name="subbands"), subband_norm)
    bands = transform(keras.Input(roi_shape, name="roi"))
    if levels == 2:
        bands = _stacked(bands[0], bands[1], pywt.Wavelet(wavelet).dec_len)
    return normalised(bands, subband_norm)


def subbands_of_standardised(
    image_size: int, dwt: str, wavelet: str
) -> keras.KerasTensor:
    """Returns the subbands of a normalised ROI.

    A stem converted from pixels needs the subbands of exactly the image that
    `standardised_roi` gives. Subbands from the pipeline are first transformed back.

    Args:
        image_size: side of the ROI, even.
        dwt: `"model"` or `"pipeline"`, see `wa_resnet50`.
        wavelet: see `DWT2D`.

    Returns:
        `(batch, size, size, 4)`, float32; for Haar `size` is half of `image_size`.

    Raises:
        UserError: a value is out of range.
    """
    check_choice("dwt", dwt, ("model", "pipeline"))
    check_image_size(image_size, even=True)
    transform = DWT2D(wavelet=wavelet, dtype="float32", name="dwt")
    roi_shape = (image_size, image_size, 1)
    if dwt == "pipeline":
        _, *shape = transform.compute_output_shape((None, *roi_shape))
        bands = keras.Input(shape, name="subbands")
        roi = IDWT2D(wavelet=wavelet, dtype="float32", name="idwt")(bands)
    else:
        roi = keras.Input(roi_shape, name="roi")
    return transform(normalised(roi, "each"))


def _stacked(
    coarse: keras.KerasTensor, fine: keras.KerasTensor, taps: int
) -> keras.KerasTensor:
    """Concatenates both levels at the size of the finer one, aligned.

    In PyWavelets' order the k-th coefficient is centred on sample `2 k + 1.5 - taps/2`,
    so that repeated ones lie `taps/2 - 1` samples too far to the right.
    """
    big = layers.UpSampling2D(2, dtype="float32", name="dwt_up")(coarse)
    start = taps // 2 - 1
    crops = [
        (start, 2 * small - size - start)
        for small, size in zip(coarse.shape[1:3], fine.shape[1:3], strict=True)
    ]
    big = layers.Cropping2D(crops, dtype="float32", name="dwt_crop")(big)
    return layers.Concatenate(dtype="float32", name="dwt_stack")([big, fine])


def normalised(bands: keras.KerasTensor, subband_norm: str) -> keras.KerasTensor:
    """Standardises bands.

    Args:
        bands: `(batch, height, width, channels)`.
        subband_norm: `"each"`: a mean and a variance for each band; `"shared"`: one
            mean and variance for all bands, which keeps their relative scale; `"none"`:
            no normalisation.

    Returns:
        The same shape; float32 if normalised.

    Raises:
        UserError: `subband_norm` is unknown.
    """
    check_choice("subband_norm", subband_norm, NORMS)
    if subband_norm == "none":
        return bands
    norm = SubbandNormalization(dtype="float32", name="subband_norm")
    if subband_norm == "each":
        return norm(bands)
    # On a last axis of size 1 the statistics are those of all bands.
    _, *shape = bands.shape
    one = layers.Reshape((*shape, 1), dtype="float32", name="subbands_as_one")(bands)
    return layers.Reshape(shape, dtype="float32", name="subbands_again")(norm(one))
