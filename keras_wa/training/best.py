"""The best model of a run."""

from __future__ import annotations

from zipfile import BadZipFile

import keras
import xxhash

from keras_wa.errors import UserError, in_one_line
from keras_wa.training.run import Run


def weights_digest(run: Run) -> str:
    """Returns the XXH3-128 of the run's `best.keras`, hexadecimal."""
    return xxhash.xxh3_128_hexdigest(run.require_best().read_bytes())


def load_best(run: Run) -> keras.Model:
    """Loads the best model of a run, in float32 for any training precision.

    Raises:
        UserError: no epoch was completed, or the file cannot be read.
    """
    path = run.require_best()
    try:
        model = keras.models.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError, BadZipFile) as error:
        raise UserError(
            f"{path}: not a model that this version can read ({in_one_line(error)}). "
            "Train again."
        ) from error
    if all(layer.compute_dtype == layer.variable_dtype for layer in model.layers):
        return model

    def in_float32(layer: keras.layers.Layer) -> keras.layers.Layer:
        return type(layer).from_config({**layer.get_config(), "dtype": "float32"})

    exact = keras.models.clone_model(model, clone_function=in_float32)
    exact.set_weights(model.get_weights())
    return exact
