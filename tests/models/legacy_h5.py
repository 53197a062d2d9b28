"""Weights files by layer name: keras.applications' own format, and archives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py
import keras
import numpy as np

Arrays = Mapping[str, Mapping[str, np.ndarray]]
"""Layer name -> weight name -> array; empty for a layer without weights."""


def random_arrays(
    model: keras.Model, seed: int = 0
) -> dict[str, dict[str, np.ndarray]]:
    """Weights for every layer of a model, such that its outputs keep their size."""
    rng = np.random.default_rng(seed)

    def draw(weight: keras.Variable) -> np.ndarray:
        name, shape = weight.name, weight.shape
        if name == "kernel":
            spread = np.sqrt(2 / np.prod(shape[:-1]))
            array = spread * rng.standard_normal(shape, "float32")
        elif weight.path.endswith("_3_bn/gamma"):  # Of a residual, to be added.
            array = rng.uniform(0.1, 0.3, shape)
        elif name in ("gamma", "moving_variance"):
            array = rng.uniform(0.5, 1.5, shape)
        else:
            array = rng.normal(0, 0.1, shape)
        return array.astype("float32")

    return {
        layer.name: {
            weight.path.removeprefix(f"{layer.name}/"): draw(weight)
            for weight in layer.weights
        }
        for layer in model.layers
    }


def write_legacy_h5(path: Path, arrays: Arrays, group: str = "/") -> Path:
    """Writes arrays as `Model.save_weights("x.h5")` of Keras 2 did."""
    with h5py.File(path, "w") as file:
        root = file.require_group(group)
        root.attrs["layer_names"] = [name.encode() for name in arrays]
        root.attrs["backend"] = b"tensorflow"
        root.attrs["keras_version"] = b"2.2.4"
        for layer, weights in arrays.items():
            layer_group = root.create_group(layer)
            layer_group.attrs["weight_names"] = np.array(
                [f"{layer}/{name}:0".encode() for name in weights], dtype="S"
            )
            for name, array in weights.items():
                layer_group[f"{layer}/{name}:0"] = array
    return path


def write_npz(path: Path, arrays: Arrays) -> Path:
    """Writes arrays as `<layer>/<weight>`."""
    named = {
        f"{layer}/{name}": a for layer, w in arrays.items() for name, a in w.items()
    }
    np.savez(path, **named)
    return path
