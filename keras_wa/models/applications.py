"""WA-ResNet-50 with the signature of keras.applications."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from keras_wa.models.checks import check_choice
from keras_wa.models.resnet50 import wa_resnet50


def WAResNet50(  # noqa: N802, named as keras.applications' models are
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int, int, int] = (224, 224, 1),
    pooling: str | None = None,
    classes: int = 2,
    classifier_activation: str | None = "softmax",
    name: str = "wa_resnet50",
    **options: Any,
) -> keras.Model:
    """Builds WA-ResNet-50, as the functions of keras.applications do.

    Reference: Alsajer & Philippovich 2025, doi 10.25559/SITITO.021.202502.287-296.

    Args:
        include_top: whether the classifier is part of the model.
        weights: None, `"imagenet"`, or the path of pretrained ResNet-50 weights.
            ImageNet's are carried over exactly (`graft`).
        input_tensor: a grey image, `(batch, height, width, 1)`, to build upon.
        input_shape: `(side, side, 1)`, side even and at least 32.
        pooling: without the top: None gives the feature map `(batch, h, w, 2048)`,
            `"avg"` and `"max"` pool it to `(batch, 2048)`.
        classes: of the top, 1 or more.
        classifier_activation: of the top; None gives logits.
        name: of the model.
        **options: of `wa_resnet50`, such as `graft="field"`.

    Returns:
        A flat functional model of grey images in [0, 1].

    Raises:
        UserError: an option is out of range, or the weights cannot be had.
        ValueError: the shape of the input is no square grey image.

    Example:
        >>> model = WAResNet50(input_shape=(64, 64, 1), classes=5)
        >>> model.output_shape
        (None, 5)
    """
    if input_tensor is not None:
        input_shape = tuple(input_tensor.shape[1:])
    height, width, channels = input_shape
    if height is None or height != width or channels != 1:
        raise ValueError(
            "`input_shape` must be (side, side, 1), a square grey image. "
            f"Received: {tuple(input_shape)}"
        )
    check_choice("pooling", pooling, (None, "avg", "max"))
    base = wa_resnet50(image_size=height, weights=weights, **options)
    pool = base.get_layer("avg_pool")
    outputs = pool.output if include_top or pooling == "avg" else pool.input
    if include_top:
        outputs = keras.layers.Dense(
            classes,
            activation=classifier_activation,
            dtype="float32",
            name="predictions",
        )(outputs)
    elif pooling == "max":
        outputs = keras.layers.GlobalMaxPooling2D(name="max_pool")(outputs)
    model = keras.Model(base.inputs[0], outputs, name=name)
    if input_tensor is None:
        return model
    copy = keras.models.clone_model(model, input_tensors=input_tensor)
    copy.set_weights(model.get_weights())
    return copy
