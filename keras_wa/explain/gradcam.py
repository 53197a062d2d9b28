"""Grad-CAM: class evidence by position of a feature map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from keras_wa.backend import on_tensorflow
from keras_wa.explain.feature_map import find_feature_map
from keras_wa.explain.scores import Heat
from keras_wa.models.ensemble import members_of
from keras_wa.models.head import last_layer
from keras_wa.progress import ProgressBar

GradCam = Callable[[NDArray[np.float32]], Heat]


def grad_cam(
    model: keras.Model,
    images: NDArray[np.float32],
    layer: str | None = None,
    target: int = -1,
    size: tuple[int, int] | None = None,
    batch_size: int = 32,
    progress: bool = False,
) -> Heat:
    """Explains the log odds of one class by a feature map.

    With `A_k` the channels of the map and `y` the log odds of the class against all
    others (the logit alone would depend on what the softmax cancels):

        a_k  = mean over space of dy / dA_k
        heat = ReLU(sum over k of a_k A_k)

    upsampled to the ROI (bilinear, half-pixel centres) and divided by its maximum.

    The heat of an ensemble is the mean of its members' heat, divided by its maximum; a
    named layer explains only its member.

    Args:
        model: a flat functional model that ends in a dense layer, or an ensemble.
        images: inputs of the model, float32 `(n, h, w, channels)`: ROIs, or their
            subbands if the pipeline computes them.
        layer: name of the layer with the feature map; by default the last one of at
            least 14x14, see `find_feature_map`.
        target: index of the class; the last one is malignant.
        size: height and width of the ROI in pixels; by default those of `images`,
            which are half of the ROI's for subbands.
        batch_size: number of images per batch.
        progress: whether to show a progress bar on stderr.

    Returns:
        Heat, float32 `(n, H, W)` in [0, 1]; all zero without evidence for the class.

    Raises:
        UserError: the layer is unknown.
        ValueError: the model does not end in a dense layer, or the backend is not
            TensorFlow.

    Source:
        Selvaraju et al. 2017, "Grad-CAM", eq. 1 and 2.
    """
    explain = make_grad_cam(model, layer, target, size)
    parts = [np.zeros((0, *(size or images.shape[1:3])), np.float32)]
    with ProgressBar("Grad-CAM", len(images), progress) as bar:
        for start in range(0, len(images), batch_size):
            batch = images[start : start + batch_size]
            parts.append(explain(batch))
            bar.advance(len(batch))
    return np.concatenate(parts)


def make_grad_cam(
    model: keras.Model,
    layer: str | None = None,
    target: int = -1,
    size: tuple[int, int] | None = None,
) -> GradCam:
    """Traces `grad_cam_graph` once; returns a function from a batch to its heat.

    The function uses the model's current weights at each call.
    """
    compute = grad_cam_graph(model, layer, target, size)
    import tensorflow as tf

    # There is no Python control flow over tensors for autograph.
    signature = [tf.TensorSpec((None, *model.input.shape[1:]), tf.float32)]
    traced = tf.function(compute, input_signature=signature, autograph=False)
    return lambda images: traced(tf.cast(images, tf.float32)).numpy()


def grad_cam_graph(
    model: keras.Model,
    layer: str | None = None,
    target: int = -1,
    size: tuple[int, int] | None = None,
) -> Callable[[Any], Any]:
    """Builds `grad_cam` in TensorFlow operations, as a part of a larger graph.

    Returns:
        A function from a float32 tensor of the model's inputs to the heat.
    """
    if not on_tensorflow():
        raise ValueError("Grad-CAM needs TensorFlow as the backend of Keras.")
    import tensorflow as tf

    maps = explained_maps(model, layer)
    cams = [_cam(network, map_, target, size) for network, _, map_ in maps]
    if len(cams) == 1:
        return cams[0]

    def mean(inputs: Any) -> Any:
        cam = tf.add_n([each(inputs) for each in cams])
        return tf.math.divide_no_nan(cam, tf.reduce_max(cam, (1, 2), True))

    return mean


def explained_maps(
    model: keras.Model, layer: str | None = None
) -> list[tuple[keras.Model, str, keras.KerasTensor]]:
    """Returns what `grad_cam` explains, an entry per member of an ensemble.

    Returns:
        The network, and the name and output of `find_feature_map`.
    """
    networks = members_of(model) or [model]
    if layer is not None:
        find_feature_map(model, layer)  # Refuses an unknown name.
        networks = [
            each
            for each in networks
            if layer in {operation.name for operation in each.operations}
        ]
    return [(each, *find_feature_map(each, layer)) for each in networks]


def _cam(
    model: keras.Model, feature_map: Any, target: int, size: tuple[int, int] | None
) -> Callable[[Any], Any]:
    """Returns the function of `grad_cam_graph` for one network."""
    import tensorflow as tf

    head = last_layer(model)
    if not isinstance(head, layers.Dense):
        raise ValueError(
            "The model must end in a Dense layer, whose logits are explained. "
            f"Received: {type(head).__name__} {head.name!r}"
        )
    trunk = keras.Model(model.input, [feature_map, head.input])
    chosen = range(head.units)[target]
    height, width = size or model.input.shape[1:3]

    def compute(inputs: Any) -> Any:
        with tf.GradientTape() as tape:
            # The map has a gradient even in a model without trainable weights.
            tape.watch(inputs)
            maps, features = trunk(inputs, training=False)
            kernel = tf.cast(head.kernel, tf.float32)
            logits = tf.matmul(tf.cast(features, tf.float32), kernel)
            if head.use_bias:
                logits += tf.cast(head.bias, tf.float32)
            others = tf.concat([logits[:, :chosen], logits[:, chosen + 1 :]], axis=1)
            log_odds = logits[:, chosen] - tf.reduce_logsumexp(others, axis=1)
        slopes = tf.cast(tape.gradient(log_odds, maps), tf.float32)
        weights = tf.reduce_mean(slopes, axis=(1, 2))
        cam = tf.einsum("nhwc,nc->nhw", tf.cast(maps, tf.float32), weights)
        cam = tf.image.resize(tf.nn.relu(cam)[..., tf.newaxis], (height, width))
        return tf.math.divide_no_nan(cam, tf.reduce_max(cam, (1, 2), True))[..., 0]

    return compute
