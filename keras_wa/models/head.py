"""The last layer, which all models share."""

from __future__ import annotations

import keras

from keras_wa.models.checks import CLASSES, check_choice


def classifier(
    inputs: keras.KerasTensor, features: keras.KerasTensor, classes: int, name: str
) -> keras.Model:
    """Puts the head on features and makes the model.

    The head computes in float32 whatever the policy: a half-precision softmax would
    round probabilities to three digits.

    Args:
        inputs: the model's input. (Keras could look for it, but walks a residual
            network by every path, of which 16 blocks have 65 536.)
        features: `(batch, width)`, computed from it.
        classes: 2 or 3; malignant is the last.
        name: of the model.

    Returns:
        The functional model, with output `(batch, classes)`, float32.

    Raises:
        UserError: another number of classes.
    """
    check_choice("classes", classes, CLASSES)
    probabilities = keras.layers.Dense(
        classes, activation="softmax", dtype="float32", name="predictions"
    )(features)
    return keras.Model(inputs, probabilities, name=name)


def last_layer(model: keras.Model) -> keras.layers.Layer:
    """The layer that makes a functional model's first output: of ours, the head."""
    return model.get_layer(model.output_names[0])
