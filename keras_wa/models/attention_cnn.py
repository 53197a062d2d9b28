"""A small CNN with soft, hard or self-attention over its last map."""

from __future__ import annotations

import keras
from keras import layers

from keras_wa.layers import AttentionPool2D
from keras_wa.models.checks import Fraction, check_choice
from keras_wa.models.head import classifier
from keras_wa.models.registry import register_model
from keras_wa.models.stem import standardised_roi

_FILTERS = (32, 64, 128, 256)
_HEADS = 4
_KEPT = 0.25


@register_model(source="Alshehri & AlSaeed 2022, doi 10.3390/app122412922")
def attention_cnn(
    *,
    image_size: int = 224,
    classes: int = 2,
    attention: str = "soft",
    dropout: Fraction = 0.5,
    bn_momentum: Fraction = 0.9,
) -> keras.Model:
    """A small CNN with attention over its last map. 0.4 M parameters.

    Four times 3x3 convolution, batch normalisation, ReLU and max pooling -> attention
    over the positions of the map -> dense 128, ReLU -> dropout -> dense -> softmax.

    The source compares a CNN on breast thermograms with and without soft, hard and
    self-attention. Its text was available in part: number and sizes of the layers are
    ours, and so is hard attention without random sampling, which would make training
    noisy and different from inference.

    Args:
        image_size: side of the square ROI in pixels, at least 32.
        classes: number of classes, 2 or 3, see `wa_resnet50`.
        attention: `"soft"`: mean of the positions with learned weights; `"hard"`: mean
            of the quarter of positions with the highest scores, see `AttentionPool2D`;
            `"self"`: self-attention of four heads with a residual, then average
            pooling; `"none"`: average pooling.
        dropout: dropout rate before the last layer.
        bn_momentum: momentum of the moving averages.

    Returns:
        A functional model with output `(batch, classes)`, float32.

    Raises:
        UserError: a value is out of range.

    Source:
        Alshehri & AlSaeed 2022, doi:10.3390/app122412922.
    """
    check_choice("attention", attention, ("soft", "hard", "self", "none"))
    roi, x = standardised_roi(image_size)
    for number, filters in enumerate(_FILTERS, start=1):
        x = layers.Conv2D(
            filters,
            3,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            name=f"conv{number}_conv",
        )(x)
        x = layers.BatchNormalization(momentum=bn_momentum, name=f"conv{number}_bn")(x)
        x = layers.Activation("relu", name=f"conv{number}_relu")(x)
        x = layers.MaxPooling2D(2, name=f"pool{number}_pool")(x)
    x = _attended(x, attention)
    x = layers.Dense(128, activation="relu", name="fc1")(x)
    x = layers.Dropout(dropout, name="fc1_dropout")(x)
    return classifier(roi, x, classes, "attention_cnn")


def _attended(x: keras.KerasTensor, attention: str) -> keras.KerasTensor:
    """Pools the map `(batch, height, width, C)` to features `(batch, C)`."""
    _, height, width, channels = x.shape
    if attention == "none":
        return layers.GlobalAveragePooling2D(name="avg_pool")(x)
    if attention == "self":
        x = layers.Reshape((height * width, channels), name="places")(x)
        attend = layers.MultiHeadAttention(_HEADS, channels // _HEADS, name="attention")
        x = layers.Add(name="attention_add")([x, attend(x, x)])
        x = layers.LayerNormalization(name="attention_norm")(x)
        return layers.GlobalAveragePooling1D(name="avg_pool")(x)
    keep = _KEPT if attention == "hard" else 1.0
    return AttentionPool2D(keep=keep, name="attention")(x)
