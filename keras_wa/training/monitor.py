"""TensorBoard logs: curves, inputs, subbands, confusion matrix, SE gates."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from sklearn.metrics import ConfusionMatrixDisplay

from keras_wa.data.classes import CLASS_NAMES
from keras_wa.layers import DWT2D
from keras_wa.layers.gate_reader import GateReader
from keras_wa.training.averaging import averaged
from keras_wa.training.callbacks import Logs, ValidationScores, most_probable

BANDS = ("LL", "LH", "HL", "HH")
_PROBE_ROIS = 8


class Monitor(keras.callbacks.Callback):
    """Logs curves, pictures and histograms to TensorBoard.

    At the start it logs a grid of augmented inputs and the subbands of one of them.
    After each epoch it logs the columns of `history.csv`, the confusion matrix of the
    most probable class on validation, and a histogram of every squeeze-and-excitation
    gate over a few validation ROIs. Everything is written to disk by the end of the
    epoch. The step is the number of completed epochs.

    Args:
        log_dir: the run's `tensorboard` folder.
        training_batch: the model's inputs for one training batch.
        validation: callback that runs before this one and holds the probabilities.
        done: number of epochs completed before.
        network: the classifier of single ROIs; None for the model that trains.
    """

    def __init__(
        self,
        log_dir: Path,
        training_batch: np.ndarray,
        validation: ValidationScores,
        done: int = 0,
        network: keras.Model | None = None,
    ) -> None:
        super().__init__()
        self.log_dir = log_dir
        self.training_batch = training_batch
        self.validation = validation
        self.done = done
        self.network = network
        self._probe = np.asarray(next(iter(validation.batches)))[:_PROBE_ROIS]

    def on_train_begin(self, logs: Logs = None) -> None:
        self._writer = tf.summary.create_file_writer(str(self.log_dir))
        model = self.network or self.model
        self._gates = GateReader(model)
        batch = self.training_batch
        if batch.shape[-1] == len(BANDS):
            bands, shown = batch, batch[..., 0] / 2  # LL is about twice the grey.
        else:
            own = (la for la in model.layers if isinstance(la, DWT2D))
            bands = next(own, DWT2D(dtype="float32"))(batch)
            if isinstance(bands, list):  # With several levels: the coarsest.
                bands = bands[0]
            bands, shown = np.asarray(bands, "float32"), batch[..., 0]
        with self._writer.as_default(step=self.done):
            tf.summary.image("inputs/augmented", to_image(image_grid(shown)))
            tf.summary.image("inputs/subbands", to_image(subband_figure(bands[0])))
        self._writer.flush()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        validation = self.validation
        calls = most_probable(validation.outputs)
        figure = confusion_figure(validation.labels, calls, validation.classes)
        with self._writer.as_default(step=epoch + 1):
            for name, value in (logs or {}).items():
                tf.summary.scalar(name, value)
            tf.summary.image("validation/confusion", to_image(figure))
            with averaged(self.model):
                _, gates = self._gates(self._probe)
            for name, values in gates.items():
                tf.summary.histogram(f"gates/{name}", values)
        self._writer.flush()

    def on_train_end(self, logs: Logs = None) -> None:
        self._writer.close()


def image_grid(images: np.ndarray, columns: int = 8) -> Figure:
    """Draws a grid of at most 32 grey ROIs `(N, H, W)` in [0, 1]."""
    images = images[: 4 * columns]
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(columns * 1.2, rows * 1.2), layout="tight")
    for i, image in enumerate(images):
        axes = figure.add_subplot(rows, columns, i + 1)
        axes.imshow(image, cmap="gray", vmin=0, vmax=1)
        axes.axis("off")
    return figure


def subband_figure(bands: np.ndarray) -> Figure:
    """Draws the four subbands `(H, W, 4)` of one ROI, each with its own grey scale."""
    figure = Figure(figsize=(8, 2.4), layout="tight")
    for i, name in enumerate(BANDS):
        axes = figure.add_subplot(1, len(BANDS), i + 1)
        axes.imshow(bands[..., i], cmap="gray")
        axes.set_title(name)
        axes.axis("off")
    return figure


def confusion_figure(labels: np.ndarray, calls: np.ndarray, classes: int = 2) -> Figure:
    """Draws the confusion matrix of classes against calls, both int `(N,)`."""
    figure = Figure(figsize=(1.5 + classes, 1 + classes), layout="tight")
    ConfusionMatrixDisplay.from_predictions(
        labels,
        calls.astype(int),
        labels=range(classes),
        display_labels=[n.replace(" ", "\n", 1) for n in CLASS_NAMES[classes]],
        colorbar=False,
        ax=figure.add_subplot(),
    )
    return figure


def to_image(figure: Figure) -> np.ndarray:
    """Renders a figure as uint8 `(1, height, width, 4)` for TensorBoard."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[np.newaxis]
