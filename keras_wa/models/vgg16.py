"""VGG-16, with its original classifier or average pooling."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import keras
from keras import layers

from keras_wa.models.checks import Fraction, check_choice
from keras_wa.models.donors import VGG16
from keras_wa.models.graft import LayerFactory, graft
from keras_wa.models.head import classifier as head
from keras_wa.models.registry import register_model
from keras_wa.models.stem import standardised_roi
from keras_wa.models.weights import load_pretrained


@register_model(source="Simonyan & Zisserman 2015, Very deep networks: 16 layers")
def vgg16(
    *,
    image_size: int = 224,
    classes: int = 2,
    classifier: str = "original",
    batch_norm: bool = False,
    dropout: Fraction = 0.5,
    bn_momentum: Fraction = 0.9,
    weights: str | Path | None = None,
) -> keras.Model:
    """VGG-16 (Simonyan & Zisserman 2015, configuration D). 134.3 M parameters.

    The trunk is that of `keras.applications.VGG16`. The paper's table names VGG16 on
    CBIS-DDSM without saying how its head looks or whether it was pretrained.

    Args:
        image_size: side of the square ROI in pixels, at least 32.
        classes: 2 or 3, as in `wa_resnet50`.
        classifier: `"original"`: two dense layers of 4096 with dropout, as in the
            source; `"gap"`: global average pooling instead, 14.7 M parameters.
        batch_norm: a batch normalisation between each convolution and its ReLU. The
            source has none (it is older) and from scratch it hardly trains without: the
            authors started deep networks from shallow ones.
        dropout: rate after each dense layer of the original classifier.
        bn_momentum: momentum of the moving averages.
        weights: `None` or `"none"`, `"imagenet"` (the trunk; not with `batch_norm`), or
            a file; see `load_pretrained`.

    Returns:
        A functional model with output `(batch, classes)`, float32.

    Raises:
        UserError: a value is out of range, or the weights cannot be had.
    """
    check_choice("classifier", classifier, ("original", "gap"))
    base = keras.applications.VGG16(
        include_top=False,
        weights=None,
        input_tensor=standardised_roi(image_size)[1],
        name="vgg16",
    )
    if batch_norm:
        names = [layer.name for layer in base.layers]
        base = graft(base, *normalised_convolutions(names, bn_momentum))
    x = base.outputs[0]
    if classifier == "gap":
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    else:
        x = layers.Flatten(name="flatten")(x)
        for number in (1, 2):
            x = layers.Dense(4096, activation="relu", name=f"fc{number}")(x)
            x = layers.Dropout(dropout, name=f"fc{number}_dropout")(x)
    model = head(base.inputs[0], x, classes, "vgg16")
    load_pretrained(model, weights, {"": VGG16})
    return model


def normalised_convolutions(
    names: Iterable[str], momentum: float
) -> tuple[dict[str, LayerFactory], dict[str, dict[str, Any]]]:
    """What `graft` needs to put batch normalisation into VGG.

    Args:
        names: layer names; VGG's convolutions end in `_conv1` to `_conv4`.
        momentum: of the moving averages.

    Returns:
        Its arguments `after` and `changes`: each convolution loses its ReLU and gets a
        normalisation, `..._bn`, and a ReLU, `..._relu`, behind it.
    """

    def factory(name: str) -> LayerFactory:
        def make() -> Callable[[Any], Any]:
            norm = layers.BatchNormalization(momentum=momentum, name=f"{name}_bn")
            relu = layers.Activation("relu", name=f"{name}_relu")
            return lambda x: relu(norm(x))

        return make

    convolutions = [name for name in names if name[:-1].endswith("_conv")]
    return (
        {name: factory(name) for name in convolutions},
        {name: {"activation": "linear"} for name in convolutions},
    )
