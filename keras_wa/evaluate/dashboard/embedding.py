"""Writes the features of test ROIs for TensorBoard's projector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pandas as pd
from google.protobuf import text_format
from numpy.typing import NDArray
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

from keras_wa.data.classes import CLASS_NAMES
from keras_wa.data.pipeline.batches import evaluation_batches
from keras_wa.data.pipeline.rois import Rois
from keras_wa.evaluate.report.mistakes import DESCRIPTORS
from keras_wa.files import replacing
from keras_wa.models.head import last_layer
from keras_wa.progress import ProgressBar
from keras_wa.training.best import load_best
from keras_wa.training.callbacks import malignant
from keras_wa.training.data import load_data_of
from keras_wa.training.run import Run

CONFIG = "projector_config.pbtxt"
"""File name that the projector expects in the folder of a TensorBoard run."""

_FILES = "embedding"
# TensorBoard's sprite image may have 8192 px a side, which browsers can draw.
_THUMBNAIL, _SPRITE = 64, 8192
_BATCH = 32


def write_embedding(
    folder: Path, run: Run, most: int, threshold: float | None, title: str = ""
) -> int:
    """Computes the features of a run's test ROIs with its best model and writes them.

    The features are the input of the last, linear layer.

    Args:
        folder: folder of the TensorBoard run. `embedding/` and then the projector's
            configuration are written there.
        run: the run.
        most: largest number of ROIs, evenly spaced in the case table.
        threshold: decision threshold; None if unknown, to leave out the prediction.
        title: title of the progress bar.

    Returns:
        The number of ROIs.
    """
    try:
        return _write(folder, run, most, threshold, title)
    finally:
        keras.backend.clear_session()  # Many runs may follow.


def _write(
    folder: Path, run: Run, most: int, threshold: float | None, title: str
) -> int:
    model = load_best(run)
    data = load_data_of(run)
    part, cases = data.part("test"), data.require_cases_of("test")
    n = min(most, len(part))
    chosen = np.linspace(0, len(part) - 1, n).round().astype(int)
    rois = Rois(lambda at: part.read(chosen[at]), part.labels[chosen])
    batches = evaluation_batches(
        rois, run.config.image_size, _BATCH, wavelet=data.wavelet
    )
    features, outputs = _features(model, batches, n, title)
    classes = CLASS_NAMES[run.config.classes]
    table = describe(
        cases.iloc[chosen], part.labels[chosen], outputs, classes, threshold
    )
    sheet, side = sprite(rois.read(np.arange(n)))
    with replacing(folder / _FILES) as partial:
        partial.mkdir(parents=True)
        # Five digits suffice for drawing.
        np.savetxt(partial / "features.tsv", features, "%.5g", delimiter="\t")
        table.to_csv(partial / "metadata.tsv", sep="\t", index=False)
        _write_png(partial / "rois.png", sheet)
    _write_config(folder, features.shape, side)
    return n


def _features(
    model: keras.Model, batches: Any, n: int, title: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Computes input `(n, width)` and output `(n, classes)` of the last layer."""
    head = last_layer(model)
    both = keras.Model(model.input, [head.input, model.output])
    with ProgressBar(title, -(-n // _BATCH), enabled=bool(title)) as bar:
        count = keras.callbacks.LambdaCallback()
        count.on_predict_batch_end = lambda batch, logs=None: bar.advance()
        features, outputs = both.predict(batches, verbose=0, callbacks=[count])
    flat = np.asarray(features, np.float32).reshape(len(features), -1)
    return flat[:n], np.asarray(outputs, np.float32)[:n]


def describe(
    cases: pd.DataFrame,
    labels: NDArray[np.int64],
    outputs: NDArray[np.float32],
    classes: tuple[str, ...],
    threshold: float | None,
) -> pd.DataFrame:
    """Returns the projector's labels and colours of each ROI.

    Args:
        cases: `n` rows of the case table.
        labels: class of each ROI, shape `(n,)`.
        outputs: probabilities, shape `(n, classes)`.
        classes: names of the classes.
        threshold: decision threshold; None leaves out `called` and `result`.

    Returns:
        `roi_id, patient_id, class, probability` (of malignant); `called` and `result`,
        such as `missed`; and the columns of the case table that are not empty. No cell
        has a tab or a line break.
    """
    probability = malignant(outputs)
    table = pd.DataFrame(
        {
            "roi_id": cases["roi_id"].to_numpy(),
            "patient_id": cases["patient_id"].to_numpy(),
            "class": [classes[label] for label in labels],
            "probability": np.round(probability, 4),
        }
    )
    if threshold is not None:
        is_malignant = cases["label"].to_numpy(int) == 1
        called = probability >= threshold
        table["called"] = np.where(called, "malignant", "benign")
        wrong = np.where(is_malignant, "missed", "false alarm")
        table["result"] = np.where(called == is_malignant, "correct", wrong)
    for name in ("pathology", *DESCRIPTORS):
        if name in cases and cases[name].notna().any():
            known = cases[name].astype(object)
            table[name] = known.where(known.notna(), "not known").to_numpy()
    for column in table.select_dtypes(exclude="number"):
        cells = table[column].astype(str)
        table[column] = cells.str.replace(r"\s+", " ", regex=True)
    return table


def sheet_layout(n: int, size: int) -> tuple[int, int]:
    """Returns the thumbnails per side of the sheet, and the side of each in pixels."""
    columns = int(np.ceil(np.sqrt(n)))
    return columns, max(1, min(_THUMBNAIL, size, _SPRITE // columns))


def sprite(images: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """Arranges thumbnails of images `(n, H, H)` in one square sheet, row by row.

    Returns:
        The sheet, and the side of a thumbnail in pixels.
    """
    columns, side = sheet_layout(len(images), images.shape[1])
    sheet = np.zeros((columns * side, columns * side), np.uint8)
    for i, image in enumerate(images):
        row, column = (side * place for place in divmod(i, columns))
        small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        sheet[row : row + side, column : column + side] = small
    return sheet, side


def _write_png(path: Path, image: NDArray[np.uint8]) -> None:
    # `cv2.imwrite` does not report a full disk or why it failed.
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())


def _write_config(folder: Path, shape: tuple[int, ...], side: int) -> None:
    config = ProjectorConfig()
    one = config.embeddings.add()
    one.tensor_name = "features of test ROIs"
    one.tensor_shape.extend(shape)
    one.tensor_path = f"{_FILES}/features.tsv"
    one.metadata_path = f"{_FILES}/metadata.tsv"
    one.sprite.image_path = f"{_FILES}/rois.png"
    one.sprite.single_image_dim.extend([side, side])
    with replacing(folder / CONFIG) as partial:
        partial.write_text(text_format.MessageToString(config), encoding="utf-8")
