"""The backend of Keras.

TensorFlow is the default and supports everything. With `KERAS_BACKEND=jax`, and without
TensorFlow, models can be trained, evaluated and compared.
"""

from __future__ import annotations

import keras

from keras_wa.errors import UserError, unknown_name

BACKENDS = ("tensorflow", "jax")
"""The backends that this package is tested with."""


def on_tensorflow() -> bool:
    """Returns whether Keras runs on TensorFlow.

    Raises:
        UserError: Keras runs on a backend that is not in `BACKENDS`.
    """
    backend = str(keras.backend.backend())
    if backend not in BACKENDS:
        raise unknown_name("backend of Keras (KERAS_BACKEND)", backend, BACKENDS)
    return backend == "tensorflow"


def require_tensorflow(what: str) -> None:
    """Raises an error unless Keras runs on TensorFlow.

    `what` is the feature that needs it, which starts the message.
    """
    if not on_tensorflow():
        raise UserError(
            f"{what} needs TensorFlow. Received: Keras on {keras.backend.backend()}; "
            "expected on tensorflow: install it, and unset KERAS_BACKEND."
        )
