"""Which library computes for Keras.

TensorFlow is the default, and does everything. With `KERAS_BACKEND=jax`, and without
TensorFlow being installed, models are trained, evaluated and compared as well.
"""

from __future__ import annotations

import os

import keras

from keras_wa.errors import UserError


def on_tensorflow() -> bool:
    """Whether Keras computes with TensorFlow."""
    return bool(keras.backend.backend() == "tensorflow")


def require_tensorflow(what: str) -> None:
    """Refuses what TensorFlow alone can do.

    Args:
        what: is refused, as the start of a sentence.

    Raises:
        UserError: Keras computes with another library.
    """
    if not on_tensorflow():
        raise UserError(
            f"{what} needs TensorFlow. Received: KERAS_BACKEND="
            f"{os.environ.get('KERAS_BACKEND', keras.backend.backend())}; call it "
            "without, where TensorFlow is installed. The run may be another machine's."
        )
