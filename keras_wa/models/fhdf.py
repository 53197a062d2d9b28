"""Fused features of several networks of keras.applications."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
from keras import layers

from keras_wa.errors import UserError, unknown_name
from keras_wa.models.checks import Fraction
from keras_wa.models.donors import DENSENET121, RESNET50, VGG16, VGG19
from keras_wa.models.graft import LayerFactory, graft
from keras_wa.models.head import classifier
from keras_wa.models.registry import register_model
from keras_wa.models.stem import standardised_roi
from keras_wa.models.vgg16 import normalised_convolutions
from keras_wa.models.weights import load_pretrained

_TRUNKS = {
    "vgg16": VGG16,
    "vgg19": VGG19,
    "resnet50": RESNET50,
    "densenet121": DENSENET121,
}


@register_model(source="Chakravarthy et al. 2024, doi 10.1007/s44196-024-00593-7")
def fhdf(
    *,
    image_size: int = 224,
    classes: int = 2,
    trunks: str = "vgg16,vgg19,resnet50,densenet121",
    batch_norm: bool = False,
    dropout: Fraction = 0.5,
    bn_momentum: Fraction = 0.9,
    weights: str | Path | None = None,
) -> keras.Model:
    """Fusion of hybrid deep features (FHDF). 67.4 M parameters.

    ROI -> VGG-16, VGG-19, ResNet-50 and DenseNet-121, each with global average pooling
    -> their 512 + 512 + 2048 + 1024 features concatenated -> dense 512, ReLU -> dropout
    -> dense -> softmax.

    From the source, of which only the abstract was available: these networks, fused
    before one classifier of three classes. The average pooling, the dense layer and
    joint training are our choices.

    Args:
        image_size: side of the square ROI in pixels, at least 32.
        classes: number of classes, 2 or 3, see `wa_resnet50`.
        trunks: names of the networks, separated by commas. The names of their layers
            get them as a prefix, such as `vgg16_block1_conv1`.
        batch_norm: whether the VGGs have batch normalisation, see `vgg16`.
        dropout: dropout rate before the last layer.
        bn_momentum: momentum of the moving averages of all networks.
        weights: None or `"none"`, `"imagenet"` (not with `batch_norm`), or a file of
            this architecture; see `load_pretrained`.

    Returns:
        A functional model with output `(batch, classes)`, float32.

    Raises:
        UserError: a value is out of range, or the weights are not available.

    Source:
        Chakravarthy et al. 2024, doi:10.1007/s44196-024-00593-7.
    """
    names = _names(trunks)
    roi, standardised = standardised_roi(image_size)
    features = [_features(name, standardised) for name in names]
    x = features[0]
    if len(features) > 1:
        x = layers.Concatenate(name="fusion")(features)
    x = layers.Dense(512, activation="relu", name="fusion_dense")(x)
    x = layers.Dropout(dropout, name="fusion_dropout")(x)
    model = classifier(roi, x, classes, "fhdf")

    # Copied, to change settings and so that the weights get the new names too.
    changes: dict[str, dict[str, Any]] = {
        layer.name: {"momentum": bn_momentum}
        for layer in model.layers
        if type(layer) is layers.BatchNormalization
    }
    after: dict[str, LayerFactory] = {}
    if batch_norm:
        of_vgg = [layer.name for layer in model.layers if layer.name[:3] == "vgg"]
        after, linear = normalised_convolutions(of_vgg, bn_momentum)
        changes |= linear
    model = graft(model, after, changes)
    load_pretrained(model, weights, {f"{n}_": _TRUNKS[n] for n in names})
    return model


def _names(trunks: str) -> list[str]:
    names = [name.strip() for name in trunks.split(",")]
    for name in names:
        if name not in _TRUNKS:
            raise unknown_name("network of `trunks`", name, _TRUNKS)
    if len(set(names)) < len(names):
        raise UserError(
            f"`trunks` names a network twice. Received: {trunks!r}; expected each once."
        )
    return names


def _features(name: str, roi: keras.KerasTensor) -> keras.KerasTensor:
    """Returns the pooled features of one network, with its name as a prefix."""
    build = getattr(keras.applications, _TRUNKS[name].name)
    base = build(include_top=False, weights=None, input_tensor=roi, pooling="avg")
    for layer in base.layers:
        if layer.name not in ("roi", "subband_norm"):
            layer.name = f"{name}_{layer.name}"
    return base.outputs[0]
