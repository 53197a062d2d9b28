"""Pretrained weights: where they come from and how they fit another stem."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import h5py
import keras
import numpy as np

from keras_wa.errors import UserError

HEAD = "predictions"

# How the names of the layers end that a pretrained trunk has weights for; no others of
# ours do: those of ResNet and DenseNet, of VGG, and DenseNet's last normalisation.
_OF_TRUNK = re.compile(r"_conv\d*$|(^|_)bn$")

# Standard deviation of ImageNet's pixels, in grey levels, averaged over the colours.
# keras.applications feeds mean-free pixels on that scale to ResNet-50 and VGG, we feed
# subbands of unit variance.
IMAGENET_PIXEL_STD = 57.6


class Application(NamedTuple):
    """A network of keras.applications whose weights a model can take."""

    name: str
    """Of its class in `keras.applications`."""
    stem: str
    """Its first convolution."""
    pixel_std: float
    """On what scale its input was in training."""


RESNET50 = Application("ResNet50", "conv1_conv", IMAGENET_PIXEL_STD)
VGG16 = Application("VGG16", "block1_conv1", IMAGENET_PIXEL_STD)
VGG19 = Application("VGG19", "block1_conv1", IMAGENET_PIXEL_STD)
DENSENET121 = Application("DenseNet121", "conv1_conv", 1.0)
"""Its pixels were divided by their standard deviation."""


def load_pretrained(
    model: keras.Model,
    source: str | Path | None,
    trunks: Mapping[str, Application] | None = None,
) -> None:
    """Fills a model with pretrained weights, layer by layer name.

    Every convolution and batch normalisation of the trunk must be in the source. Layers
    of our own (gates, subband normalisation, head) take their weights from it where it
    has them and keep their initial ones where not; so does a head of another number of
    classes. A stem of three colours becomes
    `adapt_stem_kernel(its kernel, the model's channels)`.

    Args:
        model: a model whose layers carry the names of keras.applications.
        source: `None` or `"none"` leaves the model as it is. `"imagenet"`: the file
            that keras.applications downloads (or has in its cache). Otherwise a file:
            `.keras`, a whole model; `.weights.h5`, weights saved from this very
            architecture; any other `.h5`, the legacy format of keras.applications,
            with or without its top.
        trunks: what stands before the layer names of a trunk -> the network that it
            is; by default ResNet-50, its names as they are.

    Raises:
        UserError: the file is missing, unreadable or does not fit, or cannot be
            downloaded.
    """
    if source in (None, "none"):
        return
    trunks = {"": RESNET50} if trunks is None else trunks
    if source == "imagenet":
        donors: Weights = {
            prefix + layer: arrays
            for prefix, application in trunks.items()
            for layer, arrays in _imagenet(application.name).items()
        }
        _copy_layers(donors, model, "imagenet", trunks)
        return
    path = Path(str(source))
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
    _copy_layers(donors, model, str(path), trunks)


def adapt_stem_kernel(
    kernel: np.ndarray, channels: int, pixel_std: float = IMAGENET_PIXEL_STD
) -> np.ndarray:
    """Adapts an RGB stem kernel to grey channels of unit variance.

    The kernel is summed over its colours, which is its response to a grey image, and
    given to every channel, divided by sqrt(channels): uncorrelated channels with the
    spectrum of a grey image then excite the stem as strongly as that image would. The
    factor `pixel_std` keeps the scale on which the pretrained batch normalisation's
    moving statistics were taken.

    Args:
        kernel: `(height, width, 3, filters)`.
        channels: number of input channels wanted.
        pixel_std: standard deviation of the pixels that the kernel was trained on.

    Returns:
        `(height, width, channels, filters)`, the dtype of `kernel`.
    """
    grey = kernel.sum(axis=2, keepdims=True) * pixel_std / np.sqrt(channels)
    return np.repeat(grey, channels, axis=2).astype(kernel.dtype)


Weights = Mapping[str, list[np.ndarray]]
"""Layer name -> its arrays, in the order of `keras.layers.Layer.get_weights`."""


def _imagenet(application: str) -> Weights:
    build = getattr(keras.applications, application)
    try:
        model = build(include_top=False, weights="imagenet")
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


def _copy_layers(
    donors: Weights,
    model: keras.Model,
    origin: str,
    trunks: Mapping[str, Application],
) -> None:
    """Copies weights to the layers of the same name and adapts the stems."""
    names = [layer.name for layer in model.layers if _OF_TRUNK.search(layer.name)]
    if missing := [name for name in names if name not in donors]:
        applications = ", ".join(application.name for application in trunks.values())
        raise UserError(
            f"{origin}: {len(missing)} of the {len(names)} layers with weights of the "
            f"trunk are missing, the first is {missing[0]!r}. Expected the layer names "
            f"of keras.applications: {applications}."
        )
    stems = {prefix + each.stem: each.pixel_std for prefix, each in trunks.items()}
    for layer in model.layers:
        arrays = list(donors.get(layer.name, ()))
        if not layer.weights or not arrays:
            continue
        expected = [tuple(weight.shape) for weight in layer.weights]
        if layer.name in stems and arrays[0].shape[2] == 3 != expected[0][2]:
            pixel_std = stems[layer.name]
            arrays[0] = adapt_stem_kernel(arrays[0], expected[0][2], pixel_std)
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
