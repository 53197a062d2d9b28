"""The classifier head of all models."""

from __future__ import annotations

import keras

from keras_wa.models.checks import CLASSES, check_choice


def classifier(
    inputs: keras.KerasTensor, features: keras.KerasTensor, classes: int, name: str
) -> keras.Model:
    """Adds the head to features and creates the model.

    The head computes in float32 under every dtype policy: a half-precision softmax
    rounds probabilities to three digits.

    Args:
        inputs: the model's input. (Keras could find it, but follows every path through
            a residual network: 65,536 for 16 blocks.)
        features: `(batch, width)`, computed from `inputs`.
        classes: number of classes, 2 or 3; malignant is the last.
        name: name of the model.

    Returns:
        The functional model, with output `(batch, classes)`, float32.

    Raises:
        UserError: the number of classes is not supported.
    """
    check_choice("classes", classes, CLASSES)
    probabilities = keras.layers.Dense(
        classes, activation="softmax", dtype="float32", name="predictions"
    )(features)
    return keras.Model(inputs, probabilities, name=name)


def last_layer(model: keras.Model) -> keras.layers.Layer:
    """Returns the layer of a functional model's first output: the head of ours."""
    return model.get_layer(model.output_names[0])
