"""Export of a run's best model to ONNX, with its preprocessing."""

from __future__ import annotations

import json
from pathlib import Path

import tensorflow as tf

from keras_wa.errors import UserError
from keras_wa.export.folding import fold
from keras_wa.export.guard import allow_empty
from keras_wa.export.preparation import Preprocessing
from keras_wa.export.saved_model import model_card, serving_model
from keras_wa.export.saving import by_name
from keras_wa.files import replacing
from keras_wa.training.best import load_best
from keras_wa.training.run import Run

OPSET = 17
"""Version of the ONNX operators; onnxruntime supports it since 1.12."""


def export_onnx(run: Run, path: Path) -> Path:
    """Writes the run's best model as ONNX; an existing file is replaced.

    Its input is `roi`, uint8 `(batch, height, width, 1)`, raw grey, its output the
    probability of each class, float32 `(batch, classes)`, as `serve` of the SavedModel
    returns it. The metadata key `keras_wa` has the card of the SavedModel.
    """
    try:
        import tf2onnx
    except ImportError as error:
        raise UserError(
            f"An ONNX file needs further libraries. Received: {error}; install them: "
            "pip install 'keras_wa[onnx]'"
        ) from error
    try:  # Before the slow work.
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error
    network = load_best(run)
    model = serving_model(fold(network), Preprocessing.of_config(run.config))
    signature = [tf.TensorSpec((None, None, None, 1), tf.uint8, "roi")]

    answer = allow_empty(lambda roi: by_name(model(roi, training=False)))

    @tf.function(input_signature=signature, autograph=False)
    def serve(roi: tf.Tensor) -> tf.Tensor:
        return answer(roi)["output_0"]

    graph, _ = tf2onnx.convert.from_function(serve, signature, opset=OPSET)
    card = json.dumps(model_card(run, network))
    graph.metadata_props.add(key="keras_wa", value=card)
    try:
        with replacing(path) as partial:
            partial.write_bytes(graph.SerializeToString())
    except OSError as error:
        raise _unwritable(path, error) from error
    return path


def _unwritable(path: Path, error: OSError) -> UserError:
    return UserError(
        f"{path}: cannot be written ({error.strerror or error}). Name another file."
    )
