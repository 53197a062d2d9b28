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
    """VGG-16, configuration D. 134.3 M parameters.

    The trunk is that of `keras.applications.VGG16`. Alsajer & Philippovich 2025 compare
    with VGG-16 on CBIS-DDSM, and specify neither head nor pretraining.

    Args:
        image_size: side of the square ROI in pixels, at least 32.
        classes: number of classes, 2 or 3, see `wa_resnet50`.
        classifier: `"original"`: two dense layers of 4096 with dropout, as in the
            source; `"gap"`: global average pooling, 14.7 M parameters.
        batch_norm: whether to add batch normalisation between convolution and ReLU.
            The source has none, and hardly trains from scratch without it.
        dropout: dropout rate after each dense layer of the original classifier.
        bn_momentum: momentum of the moving averages.
        weights: None or `"none"`, `"imagenet"` (the trunk; not with `batch_norm`), or a
            file; see `load_pretrained`.

    Returns:
        A functional model with output `(batch, classes)`, float32.

    Raises:
        UserError: a value is out of range, or the weights are not available.

    Source:
        Simonyan & Zisserman 2015, "Very deep convolutional networks".
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
    """Returns the arguments of `graft` that add batch normalisation to VGG.

    Args:
        names: layer names; those of convolutions end in `_conv1` to `_conv4`.
        momentum: momentum of the moving averages.

    Returns:
        `after` and `changes`: each convolution becomes linear and is followed by a
        normalisation, `..._bn`, and a ReLU, `..._relu`.
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
