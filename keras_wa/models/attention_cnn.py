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
    """A CNN with an attention mechanism (Alshehri & AlSaeed 2022). 0.4 M parameters.

    Four times 3x3 convolution, batch normalisation, ReLU and max pooling -> attention
    over the places of the last map -> dense 128, ReLU -> dropout -> dense -> softmax.

    From the source, on breast thermograms: a CNN by itself against the same one with
    soft, hard and self-attention; soft attention gives each place a weight by a
    softmax, hard attention takes some places and ignores the others, which it learns
    by drawing at random. Of its text we had a part alone: the number and sizes of the
    layers are ours, and so is a hard attention that needs no random draws, since these
    would make training noisy and differ from inference.

    Args:
        image_size: side of the square ROI in pixels, at least 32.
        classes: 2 or 3, as in `wa_resnet50`.
        attention: `"soft"`: the mean of the places with learnt weights; `"hard"`: the
            mean of the quarter of the places that score highest, learnt
            straight-through (see `AttentionPool2D`); `"self"`: the places see each
            other by four heads, with a residual, before average pooling; `"none"`:
            average pooling alone.
        dropout: rate before the last layer.
        bn_momentum: momentum of the moving averages.

    Returns:
        A functional model with output `(batch, classes)`, float32.

    Raises:
        UserError: a value is out of range.
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
    """The map `(batch, height, width, C)` as features `(batch, C)`."""
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
