"""ResNet-50 of keras.applications with another stem, gates and settings."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import keras
from keras import layers

from keras_wa.errors import UserError
from keras_wa.layers import SqueezeExcite
from keras_wa.models.checks import Count, Fraction, check_choice
from keras_wa.models.graft import LayerFactory, graft
from keras_wa.models.head import classifier
from keras_wa.models.weights import StemConverter, load_pretrained

GATED = {"after_block": "_out", "before_add": "_3_bn", "none": None}
"""`se_position` -> ending of the name of the layer before the gate in a block."""

STRIDE_ON = ("1x1", "3x3")
"""Convolutions of a bottleneck block that may have the stride of 2."""


def resnet50_features(
    features: keras.KerasTensor,
    name: str,
    *,
    se_position: str = "none",
    se_ratio: Count = 16,
    gate_bias: float = 4.0,
    stem_stride: int = 2,
    stem_kernel: int = 7,
    stride_on: str = "1x1",
    bn_momentum: Fraction = 0.9,
    zero_init_residual: bool = True,
) -> keras.Model:
    """Builds ResNet-50, optionally with gates, up to the average pooling.

    Args:
        features: `(batch, height, width, channels)`, computed from one input.
        name: name of the model.
        se_position: see `wa_resnet50`; `"none"` for no gates.
        se_ratio: see `SqueezeExcite`.
        gate_bias: see `SqueezeExcite`.
        stem_stride: stride of the first convolution, 1 or 2.
        stem_kernel: side of the first convolution's kernel, 3, 5 or 7.
        stride_on: `"1x1"` or `"3x3"`, see `wa_resnet50`.
        bn_momentum: momentum of the moving averages.
        zero_init_residual: whether the scale of each block's last normalisation starts
            at 0.

    Returns:
        A flat functional model from the input of `features` to `(batch, 2048)`.

    Raises:
        UserError: a value is out of range.
    """
    check_choice("se_position", se_position, tuple(GATED))
    check_choice("stem_stride", stem_stride, (1, 2))
    check_choice("stem_kernel", stem_kernel, (3, 5, 7))
    check_choice("stride_on", stride_on, STRIDE_ON)
    base = keras.applications.ResNet50(
        include_top=False, weights=None, input_tensor=features, pooling="avg", name=name
    )
    names = [layer.name for layer in base.layers]
    changes: dict[str, dict[str, Any]] = {
        layer: {"momentum": bn_momentum} for layer in names if layer.endswith("_bn")
    }
    margin = stem_kernel // 2
    changes["conv1_pad"] = {"padding": ((margin, margin), (margin, margin))}
    changes["conv1_conv"] = {
        "strides": (stem_stride, stem_stride),
        "kernel_size": (stem_kernel, stem_kernel),
    }
    before = {}
    if stride_on == "3x3":
        for stage in (3, 4, 5):
            block = f"conv{stage}_block1"
            changes[f"{block}_1_conv"] = {"strides": (1, 1)}
            changes[f"{block}_2_conv"] = {"strides": (2, 2), "padding": "valid"}
            # PyTorch pads both sides; Keras' "same" would shift an even map by one.
            before[f"{block}_2_conv"] = layers.ZeroPadding2D(name=f"{block}_2_pad")
    if zero_init_residual:
        for layer in names:
            if layer.endswith("_3_bn"):
                changes[layer]["gamma_initializer"] = "zeros"

    gates: dict[str, LayerFactory] = {}
    ending = GATED[se_position]
    for layer in names:
        if ending is not None and layer.endswith("_out"):
            block = layer.removesuffix("_out")
            gates[block + ending] = functools.partial(
                SqueezeExcite, ratio=se_ratio, gate_bias=gate_bias, name=f"{block}_se"
            )
    return graft(base, after=gates, changes=changes, before=before)


def resnet50_classifier(
    features: keras.KerasTensor,
    name: str,
    *,
    classes: int,
    weights: str | Path | None,
    stem_kernel: int = 7,
    gate_bias: float | None = None,
    convert_stem: StemConverter | None = None,
    **options: Any,
) -> keras.Model:
    """Builds `resnet50_features` with the head, optionally pretrained.

    Args:
        features: see `resnet50_features`.
        name: name of the model.
        classes: see `classifier`.
        weights: None or `"none"`, `"imagenet"`, or a file; see `load_pretrained`.
        stem_kernel: side of the first kernel; 7 in pretrained weights.
        gate_bias: see `wa_resnet50`.
        convert_stem: converts the stem's kernel; see `load_pretrained`.
        **options: options of `resnet50_features`.

    Raises:
        UserError: a value is out of range, or the weights are not available.
    """
    if convert_stem is None and weights not in (None, "none") and stem_kernel != 7:
        raise UserError(
            "`stem_kernel` must be 7 with pretrained weights, whose first convolution "
            f"is 7x7. Received: {stem_kernel}; expected 7, or weights='none'."
        )
    if gate_bias is None:
        # Open gates keep pretrained features.
        gate_bias = 0.0 if weights in (None, "none") else 4.0
    trunk = resnet50_features(
        features, name, stem_kernel=stem_kernel, gate_bias=gate_bias, **options
    )
    model = classifier(trunk.inputs[0], trunk.outputs[0], classes, name)
    load_pretrained(model, weights, convert_stem=convert_stem)
    return model
