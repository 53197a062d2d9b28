"""The files that pretrained weights come in, read into arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py
import keras
import numpy as np

from keras_wa.errors import UserError

Weights = Mapping[str, list[np.ndarray]]
"""Layer name -> its arrays, in the order of `keras.layers.Layer.get_weights`."""

ORDER = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")
"""Weights of a convolution, a dense layer or a batch normalisation, in Keras' order."""


def imagenet(application: str) -> Weights:
    """The ImageNet weights of a network of keras.applications, without its top.

    Raises:
        UserError: they cannot be downloaded.
    """
    build = getattr(keras.applications, application)
    try:
        model = build(include_top=False, weights="imagenet")
    except Exception as error:  # keras raises a bare Exception for a failed download
        raise UserError(
            f"The ImageNet weights could not be downloaded ({reason(error)}). Go "
            "online once, give a downloaded file with --weights PATH, or train from "
            "scratch with --weights none."
        ) from error
    return _weights_of(model)


def read_donor(path: Path) -> Weights:
    """Reads a file of weights by layer name.

    Args:
        path: `.keras`, a whole model; `.npz`, arrays `<layer>/<weight>` with the
            weights of `ORDER`; else `.h5`, the legacy
            format of keras.applications. An archive with pickled objects is refused.

    Raises:
        UserError: an array of an `.npz` has another name.
        Exception: a damaged or foreign file can fail in any way.
    """
    if path.suffix == ".keras":
        return _weights_of(keras.models.load_model(path, compile=False))
    return _npz(path) if path.suffix == ".npz" else _legacy_h5(path)


def reason(error: Exception) -> str:
    """The first line of an error's message, or its kind if it has none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _npz(path: Path) -> Weights:
    with path.open("rb") as file:  # NumPy leaves a damaged one open.
        archive = np.load(file, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise UserError(f"{path}: a single array. Expected an .npz archive.")
        layers: dict[str, dict[str, np.ndarray]] = {}
        for name in archive.files:
            layer, _, weight = name.rpartition("/")
            if not layer or weight not in ORDER:
                raise UserError(
                    f"{path}: an array has an unknown name. Received: {name!r}; "
                    "expected '<layer name>/<weight>', the weight one of "
                    f"{', '.join(ORDER)}."
                )
            layers.setdefault(layer, {})[weight] = archive[name]
    return {
        layer: [arrays[weight] for weight in ORDER if weight in arrays]
        for layer, arrays in layers.items()
    }


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


def _text(name: str | bytes) -> str:
    return name.decode("utf-8") if isinstance(name, bytes) else str(name)
