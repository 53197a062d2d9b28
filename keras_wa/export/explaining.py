"""Explanations as a part of a served network's graph."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from keras_wa.errors import UserError
from keras_wa.explain.feature_map import find_feature_map
from keras_wa.explain.gradcam import grad_cam_graph
from keras_wa.export.freezing import Function
from keras_wa.export.preparation import Preprocessing, preparing_model
from keras_wa.layers.gate_reader import GateReader
from keras_wa.training.config import TrainConfig


def explaining_function(
    network: keras.Model, config: TrainConfig
) -> tuple[Function, dict[str, Any]]:
    """Returns a function of a trained classifier that classifies and explains.

    Returns:
        A function from raw ROIs, uint8 `(batch, height, width, 1)`, to `probabilities`
        `(batch, classes)`, `heat` `(batch, size, size)` in [0, 1] (Grad-CAM of
        malignant on the resized ROI) and, if the network has gates, `gates`
        `(batch, channels)`, those of all layers concatenated; all float32. And a JSON
        description: the layer of the heat, and the gate layers in order with their
        numbers of channels.
    """
    prepare = preparing_model(Preprocessing.of_config(config))
    size = (config.image_size, config.image_size)
    try:
        heat = grad_cam_graph(network, size=size)
    except ValueError as error:
        raise UserError(
            f"`explain=True`: this network has no heat map. {error}"
        ) from error
    layer, _ = find_feature_map(network)
    reader = GateReader(network)

    @tf.autograph.experimental.do_not_convert
    def explain(roi: tf.Tensor) -> dict[str, tf.Tensor]:
        inputs = prepare(roi, training=False)
        probabilities, gates = reader(inputs)
        results = {"probabilities": probabilities, "heat": heat(inputs)}
        if gates:
            flat = [tf.reshape(each, (-1, each.shape[-1])) for each in gates.values()]
            results["gates"] = tf.cast(tf.concat(flat, axis=1), tf.float32)
        return results

    about = {
        "heat": f"Grad-CAM of malignant by layer {layer}",
        "gates": [[g.name, int(g.input.shape[-1])] for g in reader.layers],
    }
    return explain, about
