"""ResNet-50 with and without wavelets and squeeze-and-excitation."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import keras

from keras_wa.errors import UserError
from keras_wa.layers import DWT2D, SqueezeExcite, SubbandNormalization
from keras_wa.models.graft import LayerFactory, graft
from keras_wa.models.registry import check_choice, register_model
from keras_wa.models.weights import load_pretrained

# `se_position` -> how the name of the layer ends that a gate follows in every block.
_GATED = {"after_block": "_out", "before_add": "_3_bn", "none": None}


@register_model
def wa_resnet50(
    *,
    image_size: int = 224,
    dwt: str = "model",
    wavelet: str = "haar",
    stem_stride: int = 2,
    se_position: str = "after_block",
    se_ratio: int = 16,
    bn_momentum: float = 0.99,
    zero_init_residual: bool = False,
    weights: str | Path | None = None,
) -> keras.Model:
    """WA-ResNet-50 (Alsajer & Philippovich 2025): wavelet stem, gated ResNet-50.

    ROI -> one level of DWT -> subband normalisation -> ResNet-50 with a
    squeeze-and-excitation gate for each of its 16 residual blocks -> global average
    pooling -> dense -> softmax. 26.1 M parameters.

    Args:
        image_size: side of the square ROI in pixels, even, at least 32.
        dwt: `"model"`: the DWT is the first layer and the input is the ROI,
            `(batch, image_size, image_size, 1)` in [0, 1]. `"pipeline"`: the input is
            its subbands LL, LH, HL, HH, `(batch, image_size / 2, image_size / 2, 4)`;
            they are a few pixels larger for wavelets longer than Haar.
        wavelet: name of an orthogonal or biorthogonal PyWavelets wavelet.
        stem_stride: stride of the first convolution. 2 is the paper's (a 224 ROI ends
            as a 4x4 map); 1 keeps ResNet-50's own resolutions (7x7).
        se_position: `"after_block"`: the gate follows the residual block, as the paper
            says; `"before_add"`: it acts on the residual branch, as in SE-ResNet
            (Hu et al. 2018); `"none"`: no gates, for the ablation.
        se_ratio: reduction ratio of the gates.
        bn_momentum: momentum of the trunk's moving averages. The keras default of 0.99
            needs several hundred steps before validation means anything.
        zero_init_residual: start each block as the identity (Goyal et al. 2017): the
            scale of its last batch normalisation begins at zero. For training from
            scratch; ignored by layers that `weights` fills.
        weights: `None` or `"none"`, `"imagenet"`, or a file; see `load_pretrained`.

    Returns:
        A functional model with output `(batch, 2)`, float32.

    Raises:
        UserError: a value is out of range, or the weights cannot be had.
    """
    check_choice("dwt", dwt, ("model", "pipeline"))
    check_choice("se_position", se_position, tuple(_GATED))
    _check_image_size(image_size)
    # Half precision would round away the faint details that the bands are there for.
    transform = DWT2D(wavelet=wavelet, dtype="float32", name="dwt")
    roi_shape = (image_size, image_size, 1)
    if dwt == "model":
        subbands = transform(keras.Input(roi_shape, name="roi"))
    else:
        _, *shape = transform.compute_output_shape((None, *roi_shape))
        subbands = keras.Input(shape, name="subbands")

    return _classifier(
        "wa_resnet50",
        subbands,
        gated=_GATED[se_position],
        se_ratio=se_ratio,
        stem_stride=stem_stride,
        bn_momentum=bn_momentum,
        zero_init_residual=zero_init_residual,
        weights=weights,
    )


@register_model
def resnet50(
    *,
    image_size: int = 224,
    stem_stride: int = 2,
    bn_momentum: float = 0.99,
    zero_init_residual: bool = False,
    weights: str | Path | None = None,
) -> keras.Model:
    """Plain ResNet-50 (He et al. 2016) on the grey ROI: the paper's baseline.

    The arguments are those of `wa_resnet50`. The ROI is standardised by the same
    normalisation layer, so that the two differ in wavelets and gates alone. 23.6 M
    parameters.
    """
    _check_image_size(image_size)
    roi = keras.Input((image_size, image_size, 1), name="roi")
    return _classifier(
        "resnet50",
        roi,
        gated=None,
        stem_stride=stem_stride,
        bn_momentum=bn_momentum,
        zero_init_residual=zero_init_residual,
        weights=weights,
    )


def _classifier(
    name: str,
    features: keras.KerasTensor,
    *,
    gated: str | None,
    se_ratio: int = 16,
    stem_stride: int,
    bn_momentum: float,
    zero_init_residual: bool,
    weights: str | Path | None,
) -> keras.Model:
    """Normalisation, ResNet-50 with or without gates, and the head, on `features`.

    `gated` is a value of `_GATED`.
    """
    check_choice("stem_stride", stem_stride, (1, 2))
    if se_ratio < 1:
        raise UserError(f"`se_ratio` must be at least 1. Received: {se_ratio}")
    if not 0 <= bn_momentum < 1:
        raise UserError(
            f"`bn_momentum` must lie in [0, 1), 1 left out. Received: {bn_momentum}"
        )
    features = SubbandNormalization(dtype="float32", name="subband_norm")(features)
    base = keras.applications.ResNet50(
        include_top=False, weights=None, input_tensor=features, pooling="avg", name=name
    )
    names = [layer.name for layer in base.layers]
    changes: dict[str, dict[str, Any]] = {
        layer: {"momentum": bn_momentum} for layer in names if layer.endswith("_bn")
    }
    changes["conv1_conv"] = {"strides": (stem_stride, stem_stride)}
    if zero_init_residual:
        for layer in names:
            if layer.endswith("_3_bn"):
                changes[layer]["gamma_initializer"] = "zeros"

    gates: dict[str, LayerFactory] = {}
    for layer in names:
        if gated is not None and layer.endswith("_out"):
            block = layer.removesuffix("_out")
            gates[block + gated] = functools.partial(
                SqueezeExcite, ratio=se_ratio, name=f"{block}_se"
            )
    trunk = graft(base, after=gates, changes=changes)
    # The head computes in float32 whatever the policy: a half-precision softmax would
    # round probabilities to three digits.
    probabilities = keras.layers.Dense(
        2, activation="softmax", dtype="float32", name="predictions"
    )(trunk.output)
    # One tensor, not the list of one that keras.applications makes of its input.
    model = keras.Model(trunk.inputs[0], probabilities, name=name)
    if weights not in (None, "none"):
        load_pretrained(model, weights)
    return model


def _check_image_size(image_size: int) -> None:
    if image_size < 32 or image_size % 2:
        raise UserError(
            "`image_size` must be an even number of pixels, at least 32. "
            f"Received: {image_size}"
        )
