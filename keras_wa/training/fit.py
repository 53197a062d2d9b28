"""The training job: builds or resumes a model, fits it, and saves the best one."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import xxhash

from keras_wa import __version__
from keras_wa.backend import on_tensorflow
from keras_wa.data import split_hash
from keras_wa.data.pipeline.batches import evaluation_batches, training_batches
from keras_wa.data.pipeline.plan import TrainingPlan
from keras_wa.data.pipeline.store import PreparedStore
from keras_wa.training.building import build_model, compile_model
from keras_wa.training.callbacks import Checkpoint, StopOnNaN, ValidationScores
from keras_wa.training.config import TrainConfig
from keras_wa.training.ctrl_c import StopOnCtrlC
from keras_wa.training.custom import Custom
from keras_wa.training.data import RunData
from keras_wa.training.fingerprint import fingerprint
from keras_wa.training.hardware import set_up
from keras_wa.training.mlflow_logging import connect_mlflow, mlflow_run
from keras_wa.training.run import Run
from keras_wa.training.workers import SINGLE_PROCESS, SharedLogs, Workers, raising_lost

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
    workers: Workers = SINGLE_PROCESS,
    *,
    optimizer: keras.optimizers.Optimizer | str | None = None,
    loss: keras.losses.Loss | str | Callable[..., Any] | None = None,
    metrics: Sequence[keras.metrics.Metric | str] = (),
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Outcome:
    """Trains a run's model to its last epoch.

    The optional arguments replace settings of the run. They are recorded in the run's
    `config.json`, and comparisons treat the run as a different system.

    A run that fails before the first step leaves no directory. Ctrl-C stops the
    training cleanly: `best.keras` then holds the best epoch so far, or the current
    model if no epoch was completed.

    Args:
        run: the run to write to.
        data: the run's ROIs.
        resume: whether to continue from the last checkpoint. Worker 0 decides; the
            others resume if there is a checkpoint.
        verbose: as in `keras.Model.fit`.
        workers: the processes that train together; each calls this function. They share
            the run directory, and only worker 0 writes to it.
        optimizer: as in `keras.Model.compile`; replaces `optimizer, learning_rate,
            schedule, warmup_steps, weight_decay, ema, trunk_rate`.
        loss: as in `keras.Model.compile`; replaces the cross-entropy. Labels are
            one-hot, `(batch, classes)`.
        metrics: as in `keras.Model.compile`; additional metrics of the training part.
            Validation has its loss and AUC only.
        callbacks: additional callbacks. They run last and find `val_auc` in the logs.

    Returns:
        The outcome; it has a best epoch in worker 0 only.

    Raises:
        UserError: the batch is larger than the training set, the loss is NaN, the
            weights or the checkpoint do not fit, the data of a resumed run have
            changed, or the workers differ in settings or data.
        WorkerLostError: another worker has ended. The last checkpoint is complete.

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
        if run.config.mlflow:
            connect_mlflow(run.config.mlflow)
        with set_up(run.config, workers) as strategy, _releasing():
            return _train(run, data, resume, verbose, workers, custom, strategy)
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
    workers: Workers,
    custom: Custom,
    strategy: tf.distribute.Strategy | None,
) -> Outcome:
    run = custom.noted(run, resume)
    config = run.config
    plan = data.training_plan((workers.index, workers.count))
    checkpoint = Checkpoint(run, read_only=not workers.is_chief)
    if workers.count > 1:
        # Waits until worker 0 has written what the other workers restore.
        workers.require_same(_settings(config, data))
    with strategy.scope() if strategy else contextlib.nullcontext():
        network = build_model(config, pretrained=checkpoint.last is None)
        model = compile_model(network, config, plan, workers, custom)
        checkpoint.network = network
        # A restarted worker resumes if there is a checkpoint, without being asked to.
        if resume if workers.is_chief else checkpoint.last is not None:
            run.require_same_data(data.cases, data.pixels)
            checkpoint.restore(model)
        elif workers.is_chief:
            # Written here, so that an invalid setting leaves no files behind.
            run.begin(data.cases, data.pixels)
    done = len(checkpoint.history)
    if workers.count > 1:
        workers.require_same({"epochs done": done, "initial weights": _state(model)})
    if done < config.epochs:
        try:
            mlflow = mlflow_run(run, checkpoint.read_only)
            with StopOnCtrlC() as stop, raising_lost(), mlflow as logging:
                callbacks = _callbacks(run, data, plan, checkpoint, network, workers)
                model.fit(
                    training_batches(plan, done, config.epochs),
                    steps_per_epoch=plan.steps_per_epoch,
                    initial_epoch=done,
                    epochs=config.epochs,
                    callbacks=[stop, *callbacks, *logging, *custom.callbacks],
                    shuffle=False,  # The plan shuffles.
                    verbose=verbose if workers.is_chief else 0,
                )
        except KeyboardInterrupt:
            # The interrupt may have come while the last epoch was being written.
            if workers.is_chief and not checkpoint.restore(model):
                checkpoint.save_best()
            return _outcome(checkpoint, interrupted=True)
    return _outcome(checkpoint, interrupted=False)


def _settings(config: TrainConfig, data: RunData) -> dict[str, int]:
    """Returns what all workers must have in common, as numbers."""
    own = {"seed": config.seed, "deterministic": config.deterministic}
    fields = {**fingerprint(config), **own}
    del fields["weights"]  # Paths may differ; the content is compared.
    texts = {
        "version or settings": f"{__version__} {json.dumps(fields, sort_keys=True)}",
        "ROIs or split": split_hash(data.cases),
        "pixels": PreparedStore.open(data.store).manifest["images_sha256"],
    }
    return {what: _number([text.encode()]) for what, text in texts.items()}


def _state(model: keras.Model) -> int:
    arrays = (keras.ops.convert_to_numpy(each) for each in model.variables)
    return _number(array.tobytes() for array in arrays)


def _number(parts: Iterable[bytes]) -> int:
    """Returns a digest of 48 bits, which a float64 holds exactly."""
    digest = xxhash.xxh3_64()
    for part in parts:
        digest.update(part)
    return digest.intdigest() >> 16


def _callbacks(
    run: Run,
    data: RunData,
    plan: TrainingPlan,
    checkpoint: Checkpoint,
    network: keras.Model,
    workers: Workers,
) -> list[keras.callbacks.Callback]:
    done = len(checkpoint.history)
    shared = [SharedLogs(workers)] if workers.count > 1 else []
    if not workers.is_chief:
        return [*shared, StopOnNaN()]
    val = data.part("val")
    validation = ValidationScores(
        evaluation_batches(val, data.config.image_size, wavelet=data.wavelet),
        val.labels,
        network,
        data.lesions_of("val"),
    )
    callbacks = [*shared, StopOnNaN(), validation, checkpoint]
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
