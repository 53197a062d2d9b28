"""What stands before every trunk: the ROI, its subbands, their normalisation."""

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
    """The input `roi`, `(batch, image_size, image_size, 1)`, and it normalised.

    Every model starts with them, so that they differ in what follows alone.

    Raises:
        UserError: the ROI is too small, or odd where that is not allowed.
    """
    check_image_size(image_size, even)
    roi = keras.Input((image_size, image_size, 1), name="roi")
    return roi, normalised(roi, "each")


def standardised_subbands(
    image_size: int, dwt: str, wavelet: str, levels: int, subband_norm: str
) -> keras.KerasTensor:
    """The input and its subbands, normalised, one or two levels.

    Args:
        image_size: side of the ROI, even.
        dwt: `"model"` or `"pipeline"`, as in `wa_resnet50`.
        wavelet: as in `DWT2D`.
        levels: 1: LL, LH, HL, HH. 2: those of the second level, brought to the size of
            the first by repeating each coefficient, then LH, HL, HH of the first.
        subband_norm: see `normalised`.

    Returns:
        `(batch, size, size, 4)` or, of two levels, 7 channels; float32; for Haar `size`
        is half of `image_size`.

    Raises:
        UserError: a value is out of range.
    """
    check_choice("dwt", dwt, ("model", "pipeline"))
    check_choice("levels", levels, (1, 2))
    check_image_size(image_size, even=True)
    roi_shape = (image_size, image_size, 1)
    # Half precision would round away the faint details that the bands are there for.
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
    """The input, normalised as a ROI, and then the subbands of that, as they are.

    This is what a stem carried over from pixels needs: subbands of the very image that
    `standardised_roi` gives. Subbands from the pipeline are put together for that.

    Args:
        image_size: side of the ROI, even.
        dwt: `"model"` or `"pipeline"`, as in `wa_resnet50`.
        wavelet: as in `DWT2D`.

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
    """Both levels at the size of the finer one, each coefficient above its place.

    In PyWavelets' order the k-th coefficient is centred on sample `2 k + 1.5 - taps/2`,
    so that the repeated ones lie `taps/2 - 1` samples too far to the right.
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
        subband_norm: `"each"`: each with a mean and a variance of its own. `"shared"`:
            one mean and one variance for all, so that their relative scale is kept.
            `"none"`: not at all.

    Returns:
        The same shape; float32 unless not normalised.

    Raises:
        UserError: another `subband_norm`.
    """
    check_choice("subband_norm", subband_norm, NORMS)
    if subband_norm == "none":
        return bands
    norm = SubbandNormalization(dtype="float32", name="subband_norm")
    if subband_norm == "each":
        return norm(bands)
    # Statistics of a last axis of size 1 are those of everything.
    _, *shape = bands.shape
    one = layers.Reshape((*shape, 1), dtype="float32", name="subbands_as_one")(bands)
    return layers.Reshape(shape, dtype="float32", name="subbands_again")(norm(one))
