"""Pictures of the wavelet subbands that a network uses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from keras_wa.explain.figures import gallery
from keras_wa.explain.model_inputs import Rois, model_inputs
from keras_wa.files import replacing
from keras_wa.layers import DWT2D, SubbandNormalization

BANDS = ("LL", "LH", "HL", "HH")
# Without clipping, a few calcifications would make the rest mid-grey.
_DETAIL_QUANTILE = 0.995


def image_wavelet(model: keras.Model) -> str | None:
    """Returns the wavelet of a model with a DWT of the ROI, else None.

    The ROI may be standardised before it, which the pictures' scaling undoes.
    """
    norms = [each for each in model.layers if isinstance(each, SubbandNormalization)]
    images = [
        model.input,
        *(each.output for each in norms if each.input is model.input),
    ]
    for layer in model.layers:
        if isinstance(layer, DWT2D) and any(layer.input is image for image in images):
            return str(layer.wavelet)
    return None


def subband_pictures(rois: Rois, wavelet: str) -> NDArray[np.uint8]:
    """Converts the four subbands of one level to pictures.

    LL is scaled from its lowest to its highest value. The details of an ROI have a
    common scale with zero as mid-grey; the strongest 0.5 % are clipped.

    Returns:
        uint8 `(n, 4, h, w)` in the order of `BANDS`; for Haar h and w are half of the
        ROI's, rounded up.
    """
    bands = np.moveaxis(model_inputs(rois, wavelet), -1, 1)
    low, details = bands[:, :1], bands[:, 1:]
    lowest = low.min(axis=(2, 3), keepdims=True)
    span = low.max(axis=(2, 3), keepdims=True) - lowest
    limit = np.quantile(np.abs(details), _DETAIL_QUANTILE, (1, 2, 3), keepdims=True)
    pictures = [_share(low - lowest, span), 0.5 + 0.5 * _share(details, limit)]
    shown = np.clip(np.concatenate(pictures, axis=1), 0, 1)
    return np.rint(255 * shown).astype(np.uint8)


def write_subband_figure(
    rois: Rois, wavelet: str, captions: Sequence[str], path: Path
) -> None:
    """Draws a row per ROI with its caption: the ROI and its subbands."""
    pixels = np.rint(255 * rois).astype(np.uint8)
    rows = [
        (caption, {"ROI": roi, **dict(zip(BANDS, bands, strict=True))})
        for caption, roi, bands in zip(
            captions, pixels, subband_pictures(rois, wavelet), strict=True
        )
    ]
    figure = gallery(rows, f"Subbands ({wavelet}); details: grey is zero")
    with replacing(path) as partial:
        figure.savefig(partial)


def _share(values: NDArray[np.floating], of: NDArray[np.floating]) -> NDArray:
    return np.divide(values, of, out=np.zeros(values.shape), where=of > 0)
