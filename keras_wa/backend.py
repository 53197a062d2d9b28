"""Which library computes for Keras.

TensorFlow is the default, and does everything. With `KERAS_BACKEND=jax`, and without
TensorFlow being installed, models are trained, evaluated and compared as well.
"""

from __future__ import annotations

import keras

from keras_wa.errors import UserError, unknown_name

BACKENDS = ("tensorflow", "jax")
"""The ones that this package was tried with."""


def on_tensorflow() -> bool:
    """Whether Keras computes with TensorFlow.

    Raises:
        UserError: it computes with a library that is not in `BACKENDS`.
    """
    backend = str(keras.backend.backend())
    if backend not in BACKENDS:
        raise unknown_name("backend of Keras (KERAS_BACKEND)", backend, BACKENDS)
    return backend == "tensorflow"


def require_tensorflow(what: str) -> None:
    """Refuses what TensorFlow alone can do.

    Args:
        what: is refused, as the start of a sentence.

    Raises:
        UserError: Keras computes with another library.
    """
    if not on_tensorflow():
        raise UserError(
            f"{what} needs TensorFlow. Received: Keras on {keras.backend.backend()}; "
            "expected on tensorflow: install it, and unset KERAS_BACKEND."
        )
