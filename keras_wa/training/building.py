"""Building and compiling the model of a run."""

from __future__ import annotations

import logging
from typing import Any

import keras

from keras_wa.backend import on_tensorflow
from keras_wa.data.pipeline.plan import TrainingPlan
from keras_wa.models import create_model, model_options
from keras_wa.models.pairs import on_pairs
from keras_wa.training.config import TrainConfig
from keras_wa.training.custom import Custom
from keras_wa.training.hardware import has_gpu
from keras_wa.training.optimizer import make_optimizer

_log = logging.getLogger(__name__)


def build_model(config: TrainConfig, pretrained: bool = True) -> keras.Model:
    """Builds the model of a config.

    Args:
        config: settings, of which `model, model_options, image_size, classes, dwt,
            weights` are read. `weights="auto"`, which `Run.create` resolves, means no
            weights here.
        pretrained: whether to load the pretrained weights; a resumed run does not need
            them.
    """
    options: dict[str, Any] = {"image_size": config.image_size, **config.model_options}
    if "dwt" in model_options(config.model):
        options["dwt"] = config.dwt
    if config.classes != 2:
        options["classes"] = config.classes
    if pretrained and config.weights not in ("none", "auto"):
        options["weights"] = config.weights
    return create_model(config.model, **options)


def compile_model(
    network: keras.Model,
    config: TrainConfig,
    plan: TrainingPlan,
    custom: Custom | None = None,
) -> keras.Model:
    """Compiles a model; on TensorFlow with the kernels of `training.fused`.

    Returns the model to train: the network, or for plans of two views the model of
    `on_pairs`, which trains the network's weights.

    The loss is the categorical cross-entropy. For two classes it equals the paper's
    binary cross-entropy. Keras' `BinaryCrossentropy` on two softmax outputs differs: on
    TensorFlow it applies a sigmoid to each logit behind the softmax, and its minimum
    has twice the true log odds.
    """
    custom = custom or Custom()
    with_xla, replicas = True, 1
    if on_tensorflow():
        from keras_wa.training.fused import fuse_batch_normalization
        from keras_wa.training.replicas import count_replicas

        fuse_batch_normalization(network)
        replicas = count_replicas()
        # By default Keras uses XLA, which compiles for minutes on a CPU, and which
        # cannot exchange anything between GPUs.
        with_xla = has_gpu() and replicas == 1
    steps = config.epochs * plan.steps_per_epoch
    optimizer = custom.optimizer or make_optimizer(
        config, network, learning_rate(config, steps), steps
    )
    loss = custom.loss or keras.losses.CategoricalCrossentropy(
        label_smoothing=config.label_smoothing
    )
    model = network if plan.views == 1 else on_pairs(network)
    model.compile(
        optimizer,
        loss=loss,
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy"), *custom.metrics],
        jit_compile="auto" if with_xla else False,
    )
    if replicas > 1:
        from keras_wa.training.replicas import share_overflow

        share_overflow(model.optimizer)
    # The first step would create its 556 variables inside the graph, which is then
    # traced a second time: ten seconds.
    model.optimizer.build(model.trainable_variables)
    return model


def learning_rate(
    config: TrainConfig, steps: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Returns the learning rate, or its schedule over all steps of the run.

    Raises:
        ValueError: the rate, schedule or warm-up is unresolved; see `Run.create`.
    """
    rate, warmup = config.learning_rate, config.warmup_steps
    if rate is None or warmup is None or config.schedule == "auto":
        raise ValueError("Resolve the config with `keras_wa.training.defaults`.")
    if config.schedule == "constant" and not warmup:
        return rate
    # With a floor of 1 the rate does not decay: it is constant after the warm-up.
    floor = 0.01 if config.schedule == "cosine" else 1.0
    warm = min(warmup, steps - 1)
    if 2 * warm > steps:
        _log.warning(
            "The learning rate rises over %d of the run's %d steps. Train for more "
            "epochs, or lower `warmup_steps`.",
            warm,
            steps,
        )
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warm else rate,
        decay_steps=steps - warm,
        alpha=floor,
        warmup_target=rate if warm else None,
        warmup_steps=warm,
    )
