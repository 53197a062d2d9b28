"""What happens at the end of each epoch: validate, save, stop on NaN."""

from __future__ import annotations

import json
import math
import os
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import log_loss, roc_auc_score

from keras_wa.errors import UserError
from keras_wa.files import replacing
from keras_wa.training.run import Run

Logs = dict[str, Any] | None

_WEIGHTS = "model.weights.h5"
_STATE = "state.json"


class ValidationScores(keras.callbacks.Callback):
    """Adds `val_loss` and the exact `val_auc` to the epoch's logs.

    Keras' own AUC is a sum over thresholds and takes no two-way softmax; scikit-learn's
    is exact. It must come before the callbacks that read the logs.

    Args:
        batches: inputs of the validation ROIs, in order.
        labels: int `(N,)`, both classes present.

    Attributes:
        probabilities: `(N,)` of malignant, after the last epoch.
    """

    def __init__(self, batches: tf.data.Dataset, labels: np.ndarray) -> None:
        super().__init__()
        self.batches = batches
        self.labels = labels
        self.probabilities = np.full(len(labels), np.nan)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        outputs = self.model.predict(self.batches, verbose=0)
        self.probabilities = np.asarray(outputs, "float64")[:, 1]
        if logs is not None:
            logs["val_loss"] = float(
                log_loss(self.labels, self.probabilities, labels=[0, 1])
            )
            logs["val_auc"] = float(roc_auc_score(self.labels, self.probabilities))


class StopOnNaN(keras.callbacks.Callback):
    """Ends the run with a clear line when the loss is no longer a number."""

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            raise UserError(
                f"The loss became {loss} at step {batch + 1} of the epoch. Lower "
                "--learning-rate, add --warmup-steps, or use --precision float32."
            )


class Checkpoint(keras.callbacks.Callback):
    """Writes everything needed to carry on, and the best model so far.

    One folder an epoch, renamed into place when complete and removed once the next one
    is: whenever the process is killed, one whole checkpoint is there. `best.keras` is
    written after the checkpoint that names it the best, and again by `restore`, since
    the process may have been killed between the two.

    Args:
        run: where to write.

    Attributes:
        history: the logs of each completed epoch.
    """

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run
        self.history: list[dict[str, Any]] = []

    @property
    def best_epoch(self) -> int | None:
        """The epoch (from 0) with the highest validation AUC, the first such."""
        if not self.history:
            return None
        return int(np.argmax([row["val_auc"] for row in self.history]))

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        row = {key: float(value) for key, value in (logs or {}).items()}
        rate = float(self.model.optimizer.learning_rate)
        self.history.append({"epoch": epoch + 1, "learning_rate": rate, **row})
        self._save(epoch)
        self._publish(epoch)

    def restore(self, model: keras.Model) -> int:
        """Loads the last complete checkpoint into a compiled model.

        Returns:
            The number of completed epochs; 0 if there is no checkpoint.

        Raises:
            UserError: the checkpoint does not fit the model.
        """
        folders = self._folders()
        if not folders:
            return 0
        last = folders[-1]
        model.optimizer.build(model.trainable_variables)
        try:
            state = json.loads((last / _STATE).read_text(encoding="utf-8"))
            model.load_weights(last / _WEIGHTS)
        except (OSError, ValueError, KeyError) as error:
            raise UserError(
                f"{last} cannot be read ({error}). Remove it to resume from the epoch "
                "before, if that is still there, or train again."
            ) from error
        self.history = state["history"]
        self.set_model(model)
        self._publish(len(self.history) - 1)
        return len(self.history)

    def save_best(self) -> None:
        """Writes the model as it is to `best.keras`."""
        # A model of the same layers that was never compiled: without the optimizer's
        # state the file is a third of the size.
        bare = keras.Model(self.model.input, self.model.output, name=self.model.name)
        with replacing(self.run.best) as partial:
            bare.save(partial)

    def _folders(self) -> list[Path]:
        return sorted(self.run.checkpoints.glob("epoch-*"))

    def _save(self, epoch: int) -> None:
        older = self._folders()
        folder = self.run.checkpoints / f"epoch-{epoch + 1:05d}"
        partial = self.run.checkpoints / f"partial-{epoch + 1:05d}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        self.model.save_weights(partial / _WEIGHTS)
        state = json.dumps({"history": self.history})
        (partial / _STATE).write_text(state, encoding="utf-8")
        os.replace(partial, folder)
        for path in older:
            shutil.rmtree(path)

    def _publish(self, epoch: int) -> None:
        self.run.write_history(self.history)
        if epoch == self.best_epoch:
            self.save_best()
