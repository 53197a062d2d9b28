"""The training job: build, resume, fit, keep the best."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
from collections.abc import Iterable
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
from keras_wa.models import create_model, model_options
from keras_wa.training.callbacks import Checkpoint, StopOnNaN, ValidationScores
from keras_wa.training.config import TrainConfig
from keras_wa.training.ctrl_c import StopOnCtrlC
from keras_wa.training.data import RunData
from keras_wa.training.fingerprint import fingerprint
from keras_wa.training.hardware import has_gpu, set_up
from keras_wa.training.optimizer import make_optimizer
from keras_wa.training.run import Run
from keras_wa.training.workers import ALONE, SharedLogs, Workers, raising_lost

if TYPE_CHECKING:
    import tensorflow as tf

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a training job ended.

    Attributes:
        epochs: completed epochs, over all resumptions.
        best_epoch: the epoch with the best validation AUC, from 1; `None` if no epoch
            was completed.
        best_auc: its validation AUC.
        interrupted: the user stopped it.
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
    workers: Workers = ALONE,
) -> Outcome:
    """Trains a run's model to its last epoch.

    Args:
        run: where everything is written.
        data: the run's ROIs.
        resume: carry on from the last checkpoint. Worker 0 decides: the others do so if
            there is one.
        verbose: as in `keras.Model.fit`.
        workers: the processes that train together; each calls this. All see the same
            run directory, which worker 0 alone writes to.

    Returns:
        How it ended; in a worker that is not the first, without a best epoch. Ctrl-C
        ends it cleanly; `best.keras` then holds the best epoch so far, or the model as
        it stood if no epoch was completed.

    Raises:
        UserError: the batch is larger than the set, the loss is NaN, the weights or
            the checkpoint do not fit, a resumed run finds its data changed, or the
            workers have not the same settings and data.
        WorkerLostError: another worker has ended. The last checkpoint is whole.

    A run that fails before it has begun leaves no directory.
    """
    try:
        with set_up(run.config, workers) as strategy, _releasing():
            return _train(run, data, resume, verbose, workers, strategy)
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
    strategy: tf.distribute.Strategy | None,
) -> Outcome:
    config = run.config
    plan = data.training_plan((workers.index, workers.count))
    checkpoint = Checkpoint(run, read_only=not workers.is_chief)
    if workers.count > 1:
        # Until all have come by here, worker 0 may still write what `restore` reads.
        workers.require_same(_settings(config, data))
    with strategy.scope() if strategy else contextlib.nullcontext():
        model = build_model(config, pretrained=checkpoint.last is None)
        compile_model(model, config, plan, workers)
        # A worker that comes back finds the run, whoever began it.
        if resume if workers.is_chief else checkpoint.last is not None:
            run.require_same_data(data.cases, data.pixels)
            checkpoint.restore(model)
        elif workers.is_chief:
            # Not before: a wrong setting leaves nothing behind.
            run.begin(data.cases, data.pixels)
    done = len(checkpoint.history)
    if workers.count > 1:
        workers.require_same({"epochs done": done, "initial weights": _state(model)})
    if done < config.epochs:
        try:
            with StopOnCtrlC() as stop, raising_lost():
                callbacks = _callbacks(run, data, plan, checkpoint, workers)
                model.fit(
                    training_batches(plan, done, config.epochs),
                    steps_per_epoch=plan.steps_per_epoch,
                    initial_epoch=done,
                    epochs=config.epochs,
                    callbacks=[stop, *callbacks],
                    shuffle=False,  # The plan has done it.
                    verbose=verbose if workers.is_chief else 0,
                )
        except KeyboardInterrupt:
            # It may have come in the middle of writing the last epoch.
            if workers.is_chief and not checkpoint.restore(model):
                checkpoint.save_best()
            return _outcome(checkpoint, interrupted=True)
    return _outcome(checkpoint, interrupted=False)


def _settings(config: TrainConfig, data: RunData) -> dict[str, int]:
    """What all workers must have in common, as numbers."""
    own = {"seed": config.seed, "deterministic": config.deterministic}
    fields = {**fingerprint(config), **own}
    del fields["weights"]  # A file may lie elsewhere; what it holds is compared.
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
    """A digest of 48 bits, which a float64 holds exactly."""
    digest = xxhash.xxh3_64()
    for part in parts:
        digest.update(part)
    return digest.intdigest() >> 16


def _callbacks(
    run: Run,
    data: RunData,
    plan: TrainingPlan,
    checkpoint: Checkpoint,
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
    )
    callbacks = [*shared, StopOnNaN(), validation, checkpoint]
    if not on_tensorflow():  # TensorBoard's files are written with TensorFlow.
        return callbacks
    from keras_wa.training.monitor import Monitor

    first_batch = np.asarray(next(iter(training_batches(plan, done, done + 1)))[0])
    return [*callbacks, Monitor(run.tensorboard, first_batch, validation, done)]


def _outcome(checkpoint: Checkpoint, interrupted: bool) -> Outcome:
    best = None if checkpoint.read_only else checkpoint.best_epoch
    return Outcome(
        epochs=len(checkpoint.history),
        best_epoch=None if best is None else best + 1,
        best_auc=None if best is None else checkpoint.history[best]["val_auc"],
        interrupted=interrupted,
    )


def build_model(config: TrainConfig, pretrained: bool = True) -> keras.Model:
    """The model that a config names.

    Args:
        config: `model, model_options, image_size, classes, dwt, weights` are read;
            `weights="auto"`, which `Run.create` decides on, are none here.
        pretrained: fill in the pretrained weights; a resumed run does not need them.
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
    model: keras.Model,
    config: TrainConfig,
    plan: TrainingPlan,
    workers: Workers = ALONE,
) -> None:
    """Compiles a model; on TensorFlow with the kernels of `training.fused`.

    The loss is the cross-entropy of the classes. Of two it is the paper's binary
    cross-entropy. Keras' `BinaryCrossentropy` on two softmax outputs is something else:
    on TensorFlow it takes the logits behind the softmax and a sigmoid of each, whose
    minimum has log odds twice the true ones.
    """
    with_xla, replicas = True, 1
    if on_tensorflow():
        from keras_wa.training.fused import fuse_batch_normalization
        from keras_wa.training.replicas import count_replicas

        fuse_batch_normalization(model, workers)
        replicas = count_replicas()
        # Left to itself Keras takes XLA, which on a CPU compiles for minutes, and which
        # does not exchange anything between processes, or between GPUs.
        with_xla = has_gpu() and workers.count == replicas == 1
    steps = config.epochs * plan.steps_per_epoch
    model.compile(
        make_optimizer(config, model, learning_rate(config, steps), steps),
        loss=keras.losses.CategoricalCrossentropy(
            label_smoothing=config.label_smoothing
        ),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        jit_compile="auto" if with_xla else False,
    )
    workers.average_gradients(model.optimizer)
    if replicas > 1:
        from keras_wa.training.replicas import share_overflow

        share_overflow(model.optimizer)
    # Left to the first step, its 556 variables are made inside the graph, which is then
    # traced a second time: ten seconds.
    model.optimizer.build(model.trainable_variables)


def learning_rate(
    config: TrainConfig, steps: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate, or its schedule over all steps of the run.

    Raises:
        ValueError: the config leaves them open, on which `Run.create` decides.
    """
    rate, warmup = config.learning_rate, config.warmup_steps
    if rate is None or warmup is None or config.schedule == "auto":
        raise ValueError("The config must be one of `keras_wa.training.defaults`.")
    if config.schedule == "constant" and not warmup:
        return rate
    # Decay to the whole of the rate is no decay: a constant rate after a warm-up.
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
