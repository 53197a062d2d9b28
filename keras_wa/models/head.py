"""The last layer, which all models share."""

from __future__ import annotations

import keras

from keras_wa.models.checks import CLASSES, check_choice


def classifier(features: keras.KerasTensor, classes: int, name: str) -> keras.Model:
    """Puts the head on features and makes the model.

    The head computes in float32 whatever the policy: a half-precision softmax would
    round probabilities to three digits.

    Args:
        features: `(batch, width)`, computed from one input.
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
    # One tensor, not the list of one that get_source_inputs makes of it.
    (inputs,) = keras.utils.get_source_inputs(features)
    return keras.Model(inputs, probabilities, name=name)
