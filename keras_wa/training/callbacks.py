"""Callbacks of a training: validation scores, checkpoints, stopping on NaN."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import keras
import numpy as np
from sklearn.metrics import log_loss, roc_auc_score

from keras_wa.errors import DivergedError, UserError
from keras_wa.files import remove_partials, replacing
from keras_wa.metrics.fusion import fuse_views
from keras_wa.training.averaging import averaged
from keras_wa.training.hardware import gather_outputs
from keras_wa.training.run import Run

Logs = dict[str, Any] | None

_VARIABLES = "variables.npz"
_HISTORY = "history.json"


class ValidationScores(keras.callbacks.Callback):
    """Adds `val_loss`, the exact `val_auc` and `learning_rate` to the epoch's logs.

    The loss is the log loss over the classes; the AUC is that of malignant against the
    rest. Keras' AUC is approximate and does not accept a two-way softmax;
    scikit-learn's is exact. The callback must come before those that read the logs.

    Args:
        batches: the validation ROIs in order, from `evaluation_batches`; with several
            processes, the share of this one (`share_of_process`).
        labels: class of each ROI, int `(N,)`, with every class present.
        network: the classifier of single ROIs whose weights the model trains; None for
            the model itself.
        lesions: lesion index of each ROI, to give it its lesion's probability; None to
            keep its own.

    Attributes:
        outputs: probability of each class after the last epoch, `(N, classes)`.
    """

    def __init__(
        self,
        batches: Any,
        labels: np.ndarray,
        network: keras.Model | None = None,
        lesions: np.ndarray | None = None,
    ) -> None:
        super().__init__()
        self.batches = batches
        self.labels = labels
        self.network = network
        self.lesions = lesions
        self.outputs = np.full((len(labels), int(labels.max()) + 1), np.nan)

    @property
    def classes(self) -> int:
        """The number of classes."""
        return self.outputs.shape[1]

    @property
    def probabilities(self) -> np.ndarray:
        """The probability of malignant, `(N,)`, after the last epoch."""
        return malignant(self.outputs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        with averaged(self.model, self.network) as network:
            outputs = network.predict(self.batches, verbose=0)
        outputs = gather_outputs(outputs, len(self.labels))
        if self.lesions is not None:
            outputs = fuse_views(outputs, self.lesions)
        self.outputs = outputs
        # The last step may have made the weights NaN after its loss was computed.
        _require_finite(self.outputs.sum(), "A probability on validation")
        if logs is not None:
            is_malignant = self.labels == self.classes - 1
            logs["val_loss"] = _log_loss(self.labels, self.outputs)
            logs["val_auc"] = float(roc_auc_score(is_malignant, self.probabilities))
            rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
            logs["learning_rate"] = float(rate)


def malignant(outputs: Any) -> np.ndarray:
    """Returns the probability of malignant, float64 `(N,)`, from `(N, classes)`.

    Malignant is the last class.
    """
    return class_probabilities(outputs)[:, -1]


def class_probabilities(outputs: Any) -> np.ndarray:
    """Converts a model's outputs `(N, classes)` to float64 probabilities in [0, 1]."""
    # A float32 probability can exceed 1 by rounding.
    return np.clip(np.asarray(outputs, "float64"), 0.0, 1.0)


def most_probable(outputs: Any) -> np.ndarray:
    """Returns the most probable class, int64 `(N,)`; the higher class in a tie.

    With two classes, p = 0.5 is malignant.
    """
    reversed_ = np.asarray(outputs)[:, ::-1]
    return reversed_.shape[1] - 1 - np.argmax(reversed_, axis=1)


def _log_loss(labels: np.ndarray, outputs: np.ndarray) -> float:
    classes = outputs.shape[1]
    if classes == 2:
        return float(log_loss(labels, malignant(outputs), labels=[0, 1]))
    probabilities = class_probabilities(outputs)
    # The sum of a float32 softmax is 1 to seven digits only: scikit-learn would warn.
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return float(log_loss(labels, probabilities, labels=range(classes)))


class StopOnNaN(keras.callbacks.Callback):
    """Stops the training with a `DivergedError` when the loss is NaN or infinite."""

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        _require_finite((logs or {})["loss"], f"The loss of step {batch + 1}")


def _require_finite(value: float, what: str) -> None:
    if not np.isfinite(value):
        raise DivergedError(
            f"{what} is {value}: the training has diverged. Lower `learning_rate`, "
            "raise `warmup_steps`, or use `precision='float32'`."
        )


class Checkpoint(keras.callbacks.Callback):
    """Saves a checkpoint for resuming after each epoch, and the best model so far.

    Each epoch has a folder, which is renamed into place when complete and removed when
    the next one is complete, so there is always a complete checkpoint. It holds the
    weights, the optimizer (with the moving average of the weights, if any), the history
    and the random states, which Keras' files leave out. `best.keras` is written after
    its checkpoint, and again by `restore`, since the process may have been killed in
    between.

    Args:
        run: the run to write to.
        read_only: whether to write nothing; `restore` still loads.

    Attributes:
        history: the logs of each completed epoch.
        network: the model to save as the best; None for the model that trains.
    """

    def __init__(self, run: Run, read_only: bool = False) -> None:
        super().__init__()
        self.run = run
        self.read_only = read_only
        self.history: list[dict[str, Any]] = []
        self.network: keras.Model | None = None

    @property
    def best_epoch(self) -> int | None:
        """The first epoch (from 0) with the highest validation AUC.

        `None` before the end of the first epoch, and if every AUC is NaN.
        """
        aucs = [row["val_auc"] for row in self.history]
        return None if np.isnan(aucs).all() else int(np.nanargmax(aucs))

    @property
    def last(self) -> Path | None:
        """The folder of the last complete checkpoint."""
        return max(self.run.checkpoints.glob("epoch-*"), default=None)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        row = {key: float(value) for key, value in (logs or {}).items()}
        self.history.append({"epoch": epoch + 1, **row})
        self._save(epoch)
        self._publish()

    def restore(self, model: keras.Model) -> int:
        """Loads the last complete checkpoint into a compiled model.

        Returns:
            The number of completed epochs; 0 if there is no checkpoint.

        Raises:
            UserError: the checkpoint cannot be read or does not fit the model.
        """
        self.set_model(model)
        self.history = []
        if not self.read_only:
            remove_partials(self.run.path)
            remove_partials(self.run.checkpoints)
        last = self.last
        if last is None:
            return 0
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        try:
            history = json.loads((last / _HISTORY).read_text(encoding="utf-8"))
            with (last / _VARIABLES).open("rb") as file, np.load(file) as arrays:
                for variable, name in zip(_variables(model), arrays, strict=True):
                    variable.assign(arrays[name])
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise UserError(
                f"{last}: the checkpoint cannot be read ({error}). Train again."
            ) from error
        self.history = history
        if not self.read_only:
            self._publish()
        return len(self.history)

    def save_best(self) -> None:
        """Writes the model to `best.keras`, with averaged weights if there are any."""
        # An uncompiled model of the same layers: without the optimizer's state the file
        # is a third of the size.
        with (
            averaged(self.model, self.network) as network,
            replacing(self.run.best) as partial,
        ):
            bare = keras.Model(network.input, network.output, name=network.name)
            bare.save(partial)

    def _save(self, epoch: int) -> None:
        older = list(self.run.checkpoints.glob("epoch-*"))
        folder = self.run.checkpoints / f"epoch-{epoch + 1:05d}"
        arrays = [keras.ops.convert_to_numpy(v) for v in _variables(self.model)]
        with replacing(folder) as partial:
            partial.mkdir(parents=True)
            # Not HDF5, which crashes when the disk is full.
            np.savez(partial / _VARIABLES, *arrays)
            history = json.dumps(self.history)
            (partial / _HISTORY).write_text(history, encoding="utf-8")
        for path in older:
            if path != folder:
                shutil.rmtree(path)

    def _publish(self) -> None:
        self.run.write_history(self.history)
        if len(self.history) - 1 == self.best_epoch:
            self.save_best()


def _variables(model: keras.Model) -> list[Any]:
    """Returns the state of a training: weights, random states, optimizer."""
    return [*model.variables, *model.optimizer.variables]
