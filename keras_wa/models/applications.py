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
    """Instantiates WA-ResNet-50, with the signature of keras.applications.

    A Haar DWT, then ResNet-50 with a squeeze-and-excitation gate after each residual
    block.

    Args:
        include_top: whether to include the classifier.
        weights: None for random initial weights, `"imagenet"`, or the path of ResNet-50
            weights, see `load_pretrained`.
        input_tensor: optional grey image to use as input, `(batch, height, width, 1)`.
        input_shape: `(side, side, 1)`, side even and at least 32.
        pooling: pooling if `include_top=False`: None for the feature map
            `(batch, h, w, 2048)`, `"avg"` or `"max"` for `(batch, 2048)`.
        classes: number of classes, at least 1.
        classifier_activation: activation of the classifier; None for logits.
        name: name of the model.
        **options: options of `create_model("wa_resnet50")`, such as `graft="field"` or
            `wavelet="db2"`.

    Returns:
        A functional `keras.Model` of grey images in [0, 1].

    Raises:
        UserError: an option is out of range, or the weights are not available.
        ValueError: the shape of the input is not that of a square grey image.

    Example:
        >>> from keras_wa.models import WAResNet50
        >>> model = WAResNet50(input_shape=(64, 64, 1), classes=5, weights=None)
        >>> model.output_shape
        (None, 5)

    Source:
        Alsajer & Philippovich 2025, doi:10.25559/SITITO.021.202502.287-296.
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
