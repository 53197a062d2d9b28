"""The training job: builds or resumes a model, fits it, and saves the best one."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_wa.backend import on_tensorflow
from keras_wa.data.pipeline.batches import evaluation_batches, training_batches
from keras_wa.data.pipeline.plan import TrainingPlan
from keras_wa.training.building import build_model, compile_model
from keras_wa.training.callbacks import Checkpoint, StopOnNaN, ValidationScores
from keras_wa.training.ctrl_c import StopOnCtrlC
from keras_wa.training.custom import Custom
from keras_wa.training.data import RunData
from keras_wa.training.hardware import process, set_up, share_of_process
from keras_wa.training.mlflow_logging import connect_mlflow, mlflow_run
from keras_wa.training.run import Run

if TYPE_CHECKING:
    import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The result of a training job.

    Attributes:
        epochs: completed epochs, including those before resuming.
        best_epoch: the epoch with the best validation AUC, from 1; `None` if no epoch
            was completed.
        best_auc: its validation AUC.
        interrupted: whether the user stopped the training.
    """

    epochs: int
    best_epoch: int | None
    best_auc: float | None
    interrupted: bool


def train(
    run: Run,
    data: RunData,
    resume: bool = False,
    verbose: int = 1,
    *,
    optimizer: keras.optimizers.Optimizer | str | None = None,
    loss: keras.losses.Loss | str | Callable[..., Any] | None = None,
    metrics: Sequence[keras.metrics.Metric | str] = (),
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Outcome:
    """Trains a run's model to its last epoch.

    The optional arguments replace settings of the run. They are recorded in the run's
    `config.json`, and comparisons treat the run as a different system.

    Several processes of JAX (`keras.distribution.initialize`) train one run together if
    each of them resumes it. They share its directory, to which the first one writes.

    A run that fails before the first step leaves no directory. Ctrl-C stops the
    training cleanly: `best.keras` then holds the best epoch so far, or the current
    model if no epoch was completed.

    Args:
        run: the run to write to.
        data: the run's ROIs.
        resume: whether to continue from the last checkpoint, if there is one.
        verbose: 0, 1 or 2, see `keras.Model.fit`.
        optimizer: as in `keras.Model.compile`; replaces `optimizer, learning_rate,
            schedule, warmup_steps, weight_decay, ema, trunk_rate`.
        loss: as in `keras.Model.compile`; replaces the cross-entropy. Labels are
            one-hot, `(batch, classes)`.
        metrics: as in `keras.Model.compile`; additional metrics of the training part.
            Validation has its loss and AUC only.
        callbacks: additional callbacks. They run last and find `val_auc` in the logs.

    Returns:
        The outcome; it has a best epoch in the first process only.

    Raises:
        UserError: the batch is larger than the training set, the loss is NaN, the
            weights or the checkpoint do not fit, or the data of a resumed run have
            changed.

    Example:
        >>> import tempfile
        >>> import keras
        >>> from keras_wa.training.config import TrainConfig
        >>> from keras_wa.training.data import load_data
        >>> from keras_wa.training.run import Run
        >>> folder = tempfile.mkdtemp()
        >>> config = TrainConfig(
        ...     dataset="phantom", rois=96, image_size=64, epochs=1, weights="none",
        ...     field_mm=8.0, model="alexnet", store_dir=f"{folder}/prepared")
        >>> run = Run.create(f"{folder}/run", config)
        >>> outcome = train(
        ...     run, load_data(config, progress=False), verbose=0,
        ...     optimizer=keras.optimizers.Lion(1e-4))
        >>> outcome.epochs
        1
    """
    custom = Custom(optimizer, loss, metrics, callbacks)
    try:
        if run.config.mlflow and process()[0] == 0:
            connect_mlflow(run.config.mlflow)
        with set_up(run.config) as strategy, _releasing():
            return _train(run, data, resume, verbose, custom, strategy)
    except BaseException:
        run.give_up()
        raise


def _releasing() -> contextlib.AbstractContextManager[None]:
    if not on_tensorflow():
        return contextlib.nullcontext()
    from keras_wa.training.release import release_custom_gradients

    return release_custom_gradients()


def _train(
    run: Run,
    data: RunData,
    resume: bool,
    verbose: int,
    custom: Custom,
    strategy: tf.distribute.Strategy | None,
) -> Outcome:
    run = custom.add_to(run, resume)
    config = run.config
    index, count = process()
    plan = data.training_plan((index, count))
    checkpoint = Checkpoint(run, read_only=index > 0)
    with strategy.scope() if strategy else contextlib.nullcontext():
        network = build_model(config, pretrained=checkpoint.last is None)
        model = compile_model(network, config, plan, custom)
        checkpoint.network = network
        if resume:
            run.require_same_data(data.cases, data.pixels)
            checkpoint.restore(model)
        else:
            # Written here, so that an invalid setting leaves no files behind.
            run.begin(data.cases, data.pixels)
    done = len(checkpoint.history)
    if done < config.epochs:
        try:
            logging = mlflow_run(run, checkpoint.read_only)
            with StopOnCtrlC() as stop, logging as loggers:
                callbacks = _callbacks(run, data, plan, checkpoint, network)
                model.fit(
                    training_batches(plan, done, config.epochs),
                    steps_per_epoch=plan.steps_per_epoch,
                    initial_epoch=done,
                    epochs=config.epochs,
                    callbacks=[stop, *callbacks, *loggers, *custom.callbacks],
                    shuffle=False,  # The plan shuffles.
                    verbose=0 if index else verbose,
                )
        except KeyboardInterrupt:
            if count > 1:  # The others may not have been interrupted.
                raise
            # The interrupt may have come while the last epoch was being written.
            if not checkpoint.restore(model):
                checkpoint.save_best()
            return _outcome(checkpoint, interrupted=True)
    return _outcome(checkpoint, interrupted=False)


def _callbacks(
    run: Run,
    data: RunData,
    plan: TrainingPlan,
    checkpoint: Checkpoint,
    network: keras.Model,
) -> list[keras.callbacks.Callback]:
    val = data.part("val")
    share = val.take(share_of_process(len(val)))
    validation = ValidationScores(
        evaluation_batches(share, data.config.image_size, wavelet=data.wavelet),
        val.labels,
        network,
        data.lesions_of("val"),
    )
    if checkpoint.read_only:
        return [StopOnNaN(), validation]
    done = len(checkpoint.history)
    callbacks = [StopOnNaN(), validation, checkpoint]
    if not on_tensorflow():  # TensorFlow writes TensorBoard's files.
        return callbacks
    from keras_wa.training.monitor import Monitor

    first_batch = np.asarray(next(iter(training_batches(plan, done, done + 1)))[0])
    rois = first_batch.reshape(-1, *first_batch.shape[-3:])  # Of pairs too.
    monitor = Monitor(run.tensorboard, rois, validation, done, network)
    return [*callbacks, monitor]


def _outcome(checkpoint: Checkpoint, interrupted: bool) -> Outcome:
    best = None if checkpoint.read_only else checkpoint.best_epoch
    return Outcome(
        epochs=len(checkpoint.history),
        best_epoch=None if best is None else best + 1,
        best_auc=None if best is None else checkpoint.history[best]["val_auc"],
        interrupted=interrupted,
    )
