"""Training a classifier on pairs of ROIs: two views of a lesion."""

from __future__ import annotations

import keras

from keras_wa.models.head import last_layer


def on_pairs(network: keras.Model) -> keras.Model:
    """Returns a model of pairs of ROIs with the layers of a classifier of one ROI.

    Both ROIs pass the same trunk. Their features, the input of the last layer, are
    averaged. So the classifier's weights are those that train, and two equal ROIs have
    the probabilities of one.

    Args:
        network: a functional classifier whose last layer computes the logits or takes
            them, as those of every registered model do.

    Returns:
        A model from `(batch, 2, height, width, channels)` to `(batch, classes)`, of the
        same name.
    """
    head, shape = last_layer(network), network.input_shape[1:]
    trunk = keras.Model(network.input, head.input, name="trunk")
    pairs = keras.Input((2, *shape), name="pairs", dtype=network.input.dtype)
    # One pass of all ROIs: batch normalisation has the statistics of both views.
    features = trunk(keras.ops.reshape(pairs, (-1, *shape)))
    features = keras.ops.reshape(features, (-1, 2, *features.shape[1:]))
    return keras.Model(pairs, head(keras.ops.mean(features, axis=1)), name=network.name)
