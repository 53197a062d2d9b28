"""The optimizer of a run; Adam with one fused TensorFlow kernel per variable."""

from __future__ import annotations

import logging
import types
from typing import TYPE_CHECKING, Any

import keras

from keras_wa.backend import on_tensorflow
from keras_wa.layers import SqueezeExcite, Tokens
from keras_wa.training.config import TrainConfig

if TYPE_CHECKING or on_tensorflow():
    import tensorflow as tf

_log = logging.getLogger(__name__)

# Largest share of the moving average that the first weights may have at the end.
_MOST_OF_START = 0.05


def make_optimizer(
    config: TrainConfig,
    model: keras.Model,
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
    steps: int,
) -> keras.optimizers.Optimizer:
    """Creates the optimizer of a config, not yet built.

    Weight decay excludes variables with fewer than two axes (biases, the scales and
    offsets of normalisation), gates, class tokens and position embeddings.

    Keras' moving average starts at the weights after the first step. They keep a share
    of `ema ** (steps - 1)` at the end. A warning is logged if that share is large.

    Args:
        config: settings, of which `optimizer, weight_decay, ema, trunk_rate` are read.
        model: a built model; `trunk_rate` scales the learning rate of its
            `pretrained_layers`.
        learning_rate: a rate or a schedule.
        steps: number of steps of the whole run.
    """
    options: dict[str, Any] = {"weight_decay": config.weight_decay or None}
    if config.ema:
        options.update(use_ema=True, ema_momentum=config.ema)
        if (start := config.ema ** (steps - 1)) > _MOST_OF_START:
            _log.warning(
                "`ema` is high for %d steps: the weights of the first one are still "
                "%.0f %% of the average at the end. Received: ema=%g; expected at "
                "most %.3g.",
                *(steps, 100 * start, config.ema),
                _MOST_OF_START ** (1 / max(steps - 1, 1)),
            )
    if config.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(
            learning_rate, momentum=0.9, nesterov=True, **options
        )
    else:
        adam = FusedAdam if on_tensorflow() else keras.optimizers.Adam
        optimizer = adam(learning_rate, **options)
    optimizer.exclude_from_weight_decay(_without_decay(model))
    if config.trunk_rate != 1:
        _slow_trunk(optimizer, model, config.trunk_rate)
    return optimizer


def _slow_trunk(
    optimizer: keras.optimizers.Optimizer, model: keras.Model, factor: float
) -> None:
    """Scales the learning rate of the pretrained layers, and so their weight decay.

    The factors are a variable of the optimizer, and so part of a checkpoint: a resumed
    run does not read the pretrained weights again.
    """
    names = getattr(model, "pretrained_layers", ())
    slow = {id(v) for name in names for v in model.get_layer(name).weights}
    values = [factor if id(v) in slow else 1.0 for v in model.trainable_variables]
    factors = optimizer.add_variable((len(values),), name="rate_factors")
    factors.assign(values)
    # Keras' weight decay supports a single learning rate only.
    decay, optimizer.weight_decay = optimizer.weight_decay, None

    def update_step(
        optimizer: Any, gradient: Any, variable: Any, learning_rate: Any
    ) -> None:
        rate = learning_rate * factors[optimizer._get_variable_index(variable)]
        if decay and optimizer._use_weight_decay(variable):
            part = keras.ops.cast(rate * decay, variable.dtype)
            optimizer.assign_sub(variable, variable * part)
        type(optimizer).update_step(optimizer, gradient, variable, rate)

    optimizer.update_step = types.MethodType(update_step, optimizer)


def _without_decay(model: keras.Model) -> list[keras.Variable]:
    flat = [each for each in model.trainable_variables if len(each.shape) < 2]
    kinds = (SqueezeExcite, Tokens)
    layers = [each for each in model.layers if isinstance(each, kinds)]
    return flat + [each for layer in layers for each in layer.trainable_variables]


@keras.saving.register_keras_serializable(package="keras_wa")
class FusedAdam(keras.optimizers.Adam):
    """Adam (Kingma & Ba 2015) with TensorFlow's `ResourceApplyAdam`.

    It has the same update rule, arguments and state as `keras.optimizers.Adam`, which
    uses about thirty small operations per variable: for the 390 variables of
    WA-ResNet-50 these take longer to trace than the network itself. For replicated
    variables (a distribution strategy) and `amsgrad` it falls back to the parent class.
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
