"""Pretrained weights: where they come from and how they fit a four-band stem."""

from __future__ import annotations

from pathlib import Path

import h5py
import keras
import numpy as np

from keras_wa.errors import UserError

STEM = "conv1_conv"

# Standard deviation of ImageNet's pixels, in grey levels, averaged over the colours.
# keras.applications feeds mean-free pixels on that scale to ResNet-50, we feed
# subbands of unit variance.
IMAGENET_PIXEL_STD = 57.6


def load_pretrained(model: keras.Model, source: str) -> None:
    """Fills a model with pretrained weights, layer by layer name.

    Args:
        model: a model whose layers carry the names of `keras.applications.ResNet50`.
        source: `"imagenet"`: the file that keras.applications downloads (or has in its
            cache). Otherwise a file: `.keras`, a whole model; `.weights.h5`, weights
            saved from this very architecture; any other `.h5`, the legacy format of
            keras.applications, with or without its top.

    The stem. Where the source has another number of input channels than the model, the
    model's kernel is `adapt_stem_kernel(source kernel, channels)`. Layers that the
    source does not have (gates, subband normalisation, head) keep their initial
    weights.

    Raises:
        UserError: the file is missing or unreadable, fits no layer, or cannot be
            downloaded.
    """
    if source == "imagenet":
        _copy_layers(_imagenet(), model)
        return
    path = Path(source)
    if not path.is_file():
        raise UserError(
            f"No such weights file: {source}. Give a .keras or .h5 file, "
            "'imagenet' or 'none'."
        )
    try:
        if path.name.endswith(".weights.h5"):
            model.load_weights(path)
        elif path.suffix == ".keras":
            _copy_layers(keras.models.load_model(path, compile=False), model)
        else:
            _copy_layers(_legacy_h5(path), model)
    except UserError:
        raise
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else error
        raise UserError(
            f"{path}: not weights that {model.name!r} can take ({reason}). Expected "
            "a .keras model or an .h5 file in the format of keras.applications."
        ) from error


def adapt_stem_kernel(kernel: np.ndarray, channels: int) -> np.ndarray:
    """Adapts an RGB stem kernel to grey subbands of unit variance.

    The kernel is summed over its colours, which is its response to a grey image, and
    given to every subband, divided by sqrt(channels), so that uncorrelated subbands of
    unit variance excite the stem as strongly as one grey image would. The factor
    `IMAGENET_PIXEL_STD` keeps the scale on which the pretrained batch normalisation's
    moving statistics were taken.

    Args:
        kernel: `(height, width, 3, filters)`.
        channels: number of input channels wanted.

    Returns:
        `(height, width, channels, filters)`, the dtype of `kernel`.
    """
    grey = kernel.sum(axis=2, keepdims=True) * IMAGENET_PIXEL_STD / np.sqrt(channels)
    return np.repeat(grey, channels, axis=2).astype(kernel.dtype)


def _imagenet() -> keras.Model:
    try:
        return keras.applications.ResNet50(include_top=False, weights="imagenet")
    except Exception as error:  # keras raises a bare Exception for a failed download
        raise UserError(
            "The ImageNet weights could not be downloaded. Go online once, give a "
            "downloaded file with --weights PATH, or train from scratch with "
            "--weights none."
        ) from error


def _legacy_h5(path: Path) -> keras.Model:
    """Reads a legacy file of keras.applications into a plain ResNet-50."""
    plain = keras.applications.ResNet50(include_top=False, weights=None)
    with h5py.File(path) as file:
        root = file.get("model_weights", file)
        stored = {name for name, group in root.items() if len(group)}
    wanted = {layer.name for layer in plain.layers if layer.weights}
    if missing := sorted(wanted - stored):
        raise UserError(
            f"{path}: {len(missing)} of ResNet-50's {len(wanted)} weighted layers are "
            f"missing, the first is {missing[0]!r}."
        )
    plain.load_weights(path, by_name=True, skip_mismatch=False)
    return plain


def _copy_layers(source: keras.Model, target: keras.Model) -> None:
    """Copies weights between layers of the same name and adapts the stem."""
    donors = {layer.name: layer for layer in source.layers if layer.weights}
    copied = 0
    for layer in target.layers:
        donor = donors.get(layer.name)
        if donor is None or not layer.weights:
            continue
        weights = donor.get_weights()
        shapes = [tuple(weight.shape) for weight in layer.weights]
        if layer.name == STEM and weights[0].shape[2] != shapes[0][2]:
            weights[0] = adapt_stem_kernel(weights[0], shapes[0][2])
        if shapes != [weight.shape for weight in weights]:
            raise UserError(
                f"Layer {layer.name!r} does not fit the pretrained weights. "
                f"Received: {[weight.shape for weight in weights]}, "
                f"expected: {shapes}."
            )
        layer.set_weights(weights)
        copied += 1
    if not copied:
        raise UserError(
            f"No layer of {target.name!r} has the name of a layer in the pretrained "
            "weights."
        )
