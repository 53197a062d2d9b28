"""Adam as one fused TensorFlow kernel a variable."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="keras_wa")
class FusedAdam(keras.optimizers.Adam):
    """Adam (Kingma & Ba 2015) with TensorFlow's `ResourceApplyAdam`.

    The same rule, arguments and state as `keras.optimizers.Adam`, which writes it as
    some thirty small operations for each variable: over the 390 variables of
    WA-ResNet-50 these take longer to trace than the network itself. Replicated
    variables (a distribution strategy) and `amsgrad` go the parent's way.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        index = self._get_variable_index(variable)
        slots = [self._momentums[index], self._velocities[index]]
        values = [getattr(v, "_value", v) for v in (variable, *slots)]
        if (
            self.amsgrad
            or isinstance(gradient, tf.IndexedSlices)
            or tf.distribute.get_strategy().num_replicas_in_sync > 1
            or not all(isinstance(value, tf.Variable) for value in values)
        ):
            super().update_step(gradient, variable, learning_rate)
            return
        parameter, momentum, velocity = values
        dtype = parameter.dtype
        step = keras.ops.cast(self.iterations + 1, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=parameter.handle,
            m=momentum.handle,
            v=velocity.handle,
            beta1_power=tf.pow(tf.cast(self.beta_1, dtype), step),
            beta2_power=tf.pow(tf.cast(self.beta_2, dtype), step),
            lr=tf.cast(learning_rate, dtype),
            beta1=tf.cast(self.beta_1, dtype),
            beta2=tf.cast(self.beta_2, dtype),
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )
