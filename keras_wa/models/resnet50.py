"""ResNet-50 with and without wavelets and squeeze-and-excitation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from keras_wa.errors import UserError
from keras_wa.models.checks import Count, Fraction, check_choice
from keras_wa.models.exact_stem import EXACT_STEMS
from keras_wa.models.registry import register_model
from keras_wa.models.resnet_trunk import resnet50_classifier
from keras_wa.models.stem import (
    standardised_roi,
    standardised_subbands,
    subbands_of_standardised,
)


@register_model(source="Alsajer & Philippovich 2025: DWT, then SE-gated ResNet-50")
def wa_resnet50(
    *,
    image_size: int = 224,
    classes: int = 2,
    dwt: str = "model",
    wavelet: str = "haar",
    levels: int = 1,
    subband_norm: str = "each",
    stem_stride: int = 2,
    stem_kernel: int = 7,
    graft: str = "none",
    stride_on: str = "1x1",
    se_position: str = "after_block",
    se_ratio: Count = 16,
    gate_bias: float = 4.0,
    bn_momentum: Fraction = 0.99,
    zero_init_residual: bool = False,
    weights: str | Path | None = None,
) -> keras.Model:
    """WA-ResNet-50 (Alsajer & Philippovich 2025): wavelet stem, gated ResNet-50.

    ROI -> one level of DWT -> subband normalisation -> ResNet-50 with a
    squeeze-and-excitation gate for each of its 16 residual blocks -> global average
    pooling -> dense -> softmax. 26.1 M parameters.

    The paper says neither how the subbands are scaled nor where the gates start, has
    one level of Haar and ResNet-50's own stem; the other values of the options are for
    the ablation.

    Args:
        image_size: side of the square ROI in pixels, even, at least 32.
        classes: 2 (benign, malignant) or 3 (benign without callback, benign,
            malignant).
        dwt: `"model"`: the DWT is the first layer and the input is the ROI,
            `(batch, image_size, image_size, 1)` in [0, 1]. `"pipeline"`: the input is
            its subbands LL, LH, HL, HH, `(batch, image_size / 2, image_size / 2, 4)`;
            they are a few pixels larger for wavelets longer than Haar.
        wavelet: name of an orthogonal or biorthogonal PyWavelets wavelet.
        levels: 1, or 2: LL is transformed again, and the four coarser bands, each
            coefficient repeated to the size of the first level, stand before its three
            details: 7 channels. Only with `dwt="model"`.
        subband_norm: `"each"` band has a mean and a variance of its own; `"shared"`:
            one mean and variance for all, so that their relative scale is kept;
            `"none"`: the bands as they are.
        stem_stride: stride of the first convolution. 2 is the paper's (a 224 ROI ends
            as a 4x4 map); 1 keeps ResNet-50's own resolutions (7x7).
        stem_kernel: side of the first convolution's kernel: 7 is the paper's; 3 on
            subbands sees about what 7 sees on the ROI, and was better from random
            weights on a phantom at 64 px (docs/results/phantom-quick.md).
            Pretrained weights need 7, and were trained on inputs of unit variance; but
            see `graft`.
        graft: how pretrained weights start. `"none"`: each band gets the same kernel,
            which is not what it was trained on. With the others the ROI is
            standardised and then transformed, and with open gates the network starts
            as exactly `resnet50` with those weights. `"field"`: on the same ROI; the
            stem is 5x5 of stride 1, `subband_stem` of the pretrained kernel: exact for
            Haar, else by least squares, whose relative error is logged. `"detail"`: on
            the ROI averaged over 2x2 pixels (Haar), at the cost of that smaller ROI;
            the stem is 7x7 of stride 2, the pretrained kernel on LL and zeros on LH,
            HL, HH. Both decide on `stem_kernel`, `stem_stride` and `subband_norm` and
            need `levels=1` and `dwt="model"`: leave these at their defaults.
        stride_on: the convolution that halves the map in the first block of conv3,
            conv4 and conv5. `"1x1"`: the first, as in He et al. 2016 and
            keras.applications, and so for `weights="imagenet"`; `"3x3"`: the second, as
            in torchvision and timm (ResNet v1.5), and so for `.safetensors`. With
            weights of the other kind a warning is logged.
        se_position: `"after_block"`: the gate follows the residual block, as the paper
            says; `"before_add"`: it acts on the residual branch, as in SE-ResNet
            (Hu et al. 2018); `"none"`: no gates, for the ablation.
        se_ratio: reduction ratio of the gates.
        gate_bias: where the gates start: each at `sigmoid(gate_bias)`, 0.982 for 4, so
            that pretrained features pass; 0 is the usual 0.5, which was better from
            random weights on a phantom at 64 px (docs/results/phantom-quick.md).
        bn_momentum: momentum of the trunk's moving averages. The keras default of 0.99
            needs several hundred steps before validation means anything.
        zero_init_residual: start each block as the identity (Goyal et al. 2017): the
            scale of its last batch normalisation begins at zero. For training from
            scratch; ignored by layers that `weights` fills.
        weights: `None` or `"none"`, `"imagenet"`, or a file; see `load_pretrained`.

    Returns:
        A functional model with output `(batch, classes)`, float32.

    Raises:
        UserError: a value is out of range, or the weights cannot be had.
    """
    return _on_subbands(
        "wa_resnet50",
        image_size,
        dwt=dwt,
        wavelet=wavelet,
        levels=levels,
        subband_norm=subband_norm,
        stem_stride=stem_stride,
        stem_kernel=stem_kernel,
        graft=graft,
        stride_on=stride_on,
        classes=classes,
        weights=weights,
        se_position=se_position,
        se_ratio=se_ratio,
        gate_bias=gate_bias,
        bn_momentum=bn_momentum,
        zero_init_residual=zero_init_residual,
    )


@register_model(source="WA-ResNet-50 without gates, for the ablation")
def dwt_resnet50(
    *,
    image_size: int = 224,
    classes: int = 2,
    dwt: str = "model",
    wavelet: str = "haar",
    levels: int = 1,
    subband_norm: str = "each",
    stem_stride: int = 2,
    stem_kernel: int = 7,
    graft: str = "none",
    stride_on: str = "1x1",
    bn_momentum: Fraction = 0.99,
    zero_init_residual: bool = False,
    weights: str | Path | None = None,
) -> keras.Model:
    """ResNet-50 on subbands, without gates: the ablation's corner with the DWT alone.

    The same graph as `wa_resnet50(se_position="none")`. The arguments are those of
    `wa_resnet50`. 23.6 M parameters.
    """
    return _on_subbands(
        "dwt_resnet50",
        image_size,
        dwt=dwt,
        wavelet=wavelet,
        levels=levels,
        subband_norm=subband_norm,
        stem_stride=stem_stride,
        stem_kernel=stem_kernel,
        graft=graft,
        stride_on=stride_on,
        classes=classes,
        weights=weights,
        bn_momentum=bn_momentum,
        zero_init_residual=zero_init_residual,
    )


@register_model(source="WA-ResNet-50 without the DWT, for the ablation")
def se_resnet50(
    *,
    image_size: int = 224,
    classes: int = 2,
    stem_stride: int = 2,
    stem_kernel: int = 7,
    stride_on: str = "1x1",
    se_position: str = "after_block",
    se_ratio: Count = 16,
    gate_bias: float = 4.0,
    bn_momentum: Fraction = 0.99,
    zero_init_residual: bool = False,
    weights: str | Path | None = None,
) -> keras.Model:
    """Gated ResNet-50 on the ROI: the ablation's corner with the gates alone.

    The arguments are those of `wa_resnet50`; `se_position="before_add"` makes it
    SE-ResNet-50 (Hu et al. 2018, table 1). 26.1 M parameters.
    """
    return resnet50_classifier(
        standardised_roi(image_size, even=True)[1],
        "se_resnet50",
        classes=classes,
        weights=weights,
        stem_stride=stem_stride,
        stem_kernel=stem_kernel,
        stride_on=stride_on,
        se_position=se_position,
        se_ratio=se_ratio,
        gate_bias=gate_bias,
        bn_momentum=bn_momentum,
        zero_init_residual=zero_init_residual,
    )


@register_model(source="He et al. 2016, Deep residual learning: 50 layers")
def resnet50(
    *,
    image_size: int = 224,
    classes: int = 2,
    stem_stride: int = 2,
    stride_on: str = "1x1",
    bn_momentum: Fraction = 0.99,
    zero_init_residual: bool = False,
    weights: str | Path | None = None,
) -> keras.Model:
    """Plain ResNet-50 (He et al. 2016) on the grey ROI: the paper's baseline.

    The arguments are those of `wa_resnet50`. The ROI is standardised by the same
    normalisation layer, so that the two differ in wavelets and gates alone. 23.6 M
    parameters.
    """
    return resnet50_classifier(
        standardised_roi(image_size, even=True)[1],
        "resnet50",
        classes=classes,
        weights=weights,
        stem_stride=stem_stride,
        stride_on=stride_on,
        bn_momentum=bn_momentum,
        zero_init_residual=zero_init_residual,
    )


def _on_subbands(
    name: str,
    image_size: int,
    *,
    dwt: str,
    wavelet: str,
    levels: int,
    subband_norm: str,
    stem_stride: int,
    stem_kernel: int,
    graft: str,
    **options: Any,
) -> keras.Model:
    """ResNet-50 on subbands, its stem carried over exactly if `graft` says so."""
    check_choice("graft", graft, ("none", *EXACT_STEMS))
    if graft == "none":
        return resnet50_classifier(
            standardised_subbands(image_size, dwt, wavelet, levels, subband_norm),
            name,
            stem_stride=stem_stride,
            stem_kernel=stem_kernel,
            **options,
        )
    stem = EXACT_STEMS[graft]
    # Option -> received, its default, what the graft needs.
    settled: dict[str, tuple[Any, Any, Any]] = {
        "stem_stride": (stem_stride, 2, stem.stem_stride),
        "stem_kernel": (stem_kernel, 7, stem.stem_kernel),
        "subband_norm": (subband_norm, "each", "each"),
        "levels": (levels, 1, 1),
        "dwt": (dwt, "model", "model"),
    }
    for option, (received, default, needed) in settled.items():
        if received not in (default, needed):
            raise UserError(
                f"`{option}` contradicts graft={graft!r}. Received: {received!r}; "
                f"expected {needed!r}, or leave it out."
            )
    return resnet50_classifier(
        subbands_of_standardised(image_size, wavelet),
        name,
        stem_stride=stem.stem_stride,
        stem_kernel=stem.stem_kernel,
        carry=lambda kernel: stem.carry(kernel, wavelet),
        **options,
    )
