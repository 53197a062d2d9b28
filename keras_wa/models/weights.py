"""Pretrained weights: where they come from and how they fit a four-band stem."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py
import keras
import numpy as np

from keras_wa.errors import UserError

STEM = "conv1_conv"
HEAD = "predictions"

# Standard deviation of ImageNet's pixels, in grey levels, averaged over the colours.
# keras.applications feeds mean-free pixels on that scale to ResNet-50, we feed
# subbands of unit variance.
IMAGENET_PIXEL_STD = 57.6


def load_pretrained(model: keras.Model, source: str | Path) -> None:
    """Fills a model with pretrained weights, layer by layer name.

    Every convolution and batch normalisation of ResNet-50 must be in the source. Layers
    of our own (gates, subband normalisation, head) take their weights from it where it
    has them and keep their initial ones where not; so does a head of another number of
    classes. A stem of three colours becomes
    `adapt_stem_kernel(its kernel, the model's channels)`.

    Args:
        model: a model whose layers carry the names of `keras.applications.ResNet50`.
        source: `"imagenet"`: the file that keras.applications downloads (or has in its
            cache). Otherwise a file: `.keras`, a whole model; `.weights.h5`, weights
            saved from this very architecture; any other `.h5`, the legacy format of
            keras.applications, with or without its top.

    Raises:
        UserError: the file is missing, unreadable or does not fit, or cannot be
            downloaded.
    """
    if source == "imagenet":
        _copy_layers(_imagenet(), model, "imagenet")
        return
    path = Path(source)
    if not path.is_file():
        raise UserError(
            f"No such weights file: {path}. Give a .keras or .h5 file, "
            "'imagenet' or 'none'."
        )
    try:
        if path.name.endswith(".weights.h5"):
            model.load_weights(path)
            return
        donors = _keras_file(path) if path.suffix == ".keras" else _legacy_h5(path)
    except Exception as error:  # A damaged or foreign file can fail in any way.
        raise UserError(
            f"{path}: not weights that {model.name!r} can take ({_reason(error)}). "
            "Expected a .keras model, .weights.h5 of this very model, or an .h5 file "
            "in the format of keras.applications."
        ) from error
    _copy_layers(donors, model, str(path))


def adapt_stem_kernel(kernel: np.ndarray, channels: int) -> np.ndarray:
    """Adapts an RGB stem kernel to grey channels of unit variance.

    The kernel is summed over its colours, which is its response to a grey image, and
    given to every channel, divided by sqrt(channels): uncorrelated channels with the
    spectrum of a grey image then excite the stem as strongly as that image would. The
    factor `IMAGENET_PIXEL_STD` keeps the scale on which the pretrained batch
    normalisation's moving statistics were taken.

    Args:
        kernel: `(height, width, 3, filters)`.
        channels: number of input channels wanted.

    Returns:
        `(height, width, channels, filters)`, the dtype of `kernel`.
    """
    grey = kernel.sum(axis=2, keepdims=True) * IMAGENET_PIXEL_STD / np.sqrt(channels)
    return np.repeat(grey, channels, axis=2).astype(kernel.dtype)


Weights = Mapping[str, list[np.ndarray]]
"""Layer name -> its arrays, in the order of `keras.layers.Layer.get_weights`."""


def _imagenet() -> Weights:
    try:
        model = keras.applications.ResNet50(include_top=False, weights="imagenet")
    except Exception as error:  # keras raises a bare Exception for a failed download
        raise UserError(
            f"The ImageNet weights could not be downloaded ({_reason(error)}). Go "
            "online once, give a downloaded file with --weights PATH, or train from "
            "scratch with --weights none."
        ) from error
    return _weights_of(model)


def _keras_file(path: Path) -> Weights:
    return _weights_of(keras.models.load_model(path, compile=False))


def _legacy_h5(path: Path) -> Weights:
    with h5py.File(path) as file:
        # A whole model keeps its weights in a group, weights alone lie at the root.
        root = file.get("model_weights", file)
        return {
            _text(layer): [
                np.asarray(root[_text(layer)][_text(weight)])
                for weight in root[_text(layer)].attrs["weight_names"]
            ]
            for layer in root.attrs["layer_names"]
        }


def _weights_of(model: keras.Model) -> Weights:
    return {layer.name: layer.get_weights() for layer in model.layers}


def _copy_layers(donors: Weights, model: keras.Model, origin: str) -> None:
    """Copies weights to the layers of the same name and adapts the stem."""
    # The names of ResNet-50's own layers with weights, and of no others, end so.
    trunk = [
        layer.name for layer in model.layers if layer.name.endswith(("_conv", "_bn"))
    ]
    if missing := [name for name in trunk if name not in donors]:
        raise UserError(
            f"{origin}: {len(missing)} of the {len(trunk)} layers with weights of "
            f"ResNet-50 are missing, the first is {missing[0]!r}. Expected the layer "
            "names of keras.applications.ResNet50."
        )
    for layer in model.layers:
        arrays = list(donors.get(layer.name, ()))
        if not layer.weights or not arrays:
            continue
        expected = [tuple(weight.shape) for weight in layer.weights]
        if layer.name == STEM and arrays[0].shape[2] == 3 != expected[0][2]:
            arrays[0] = adapt_stem_kernel(arrays[0], expected[0][2])
        received = [array.shape for array in arrays]
        if received == expected:
            layer.set_weights(arrays)
        elif layer.name != HEAD:
            raise UserError(
                f"{origin}: layer {layer.name!r} does not fit {model.name!r}. "
                f"Received: shapes {received}; expected: {expected}."
            )


def _text(name: str | bytes) -> str:
    return name.decode("utf-8") if isinstance(name, bytes) else str(name)


def _reason(error: Exception) -> str:
    """The first line of an error's message, or its kind if it has none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
