"""Compares the update of WA-ResNet-50's 26 million parameters with Keras' Adam.

python -m benchmarks.optimizer
"""

from __future__ import annotations

from typing import Any

from benchmarks.compare import Times, compare, print_table, timed


def _update(make: Any) -> Times:
    import tensorflow as tf

    from keras_wa.models import create_model

    variables = create_model("wa_resnet50").trainable_variables
    gradients = [tf.random.normal(variable.shape) for variable in variables]
    optimizer = make(1e-4)
    optimizer.build(variables)
    step = tf.function(lambda: optimizer.apply(gradients, variables))
    return {"an update": timed(step, 15)}


def keras_wa() -> Times:
    from keras_wa.training.optimizer import FusedAdam

    return _update(FusedAdam)


def keras_own() -> Times:
    import keras

    return _update(keras.optimizers.Adam)


if __name__ == "__main__":
    workers = {"keras_wa": keras_wa, "keras.optimizers.Adam": keras_own}
    found = compare("benchmarks.optimizer", workers)
    if found is not None:
        print_table("Adam, 26 million parameters", found, "keras_wa")
