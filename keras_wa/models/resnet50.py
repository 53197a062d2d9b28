"""ResNet-50, with and without wavelets and squeeze-and-excitation."""

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


@register_model(
    source="Alsajer & Philippovich 2025: DWT, then SE-gated ResNet-50",
    imagenet="ResNet50",
)
def wa_resnet50(
    *,
    image_size: int = 224,
    classes: int = 2,
    dwt: str = "model",
    wavelet: str = "haar",
    levels: int = 1,
    graft: str = "detail",
    subband_norm: str | None = None,
    stem_stride: int | None = None,
    stem_kernel: int | None = None,
    stride_on: str = "1x1",
    se_position: str = "after_block",
    se_ratio: Count = 16,
    gate_bias: float | None = None,
    bn_momentum: Fraction = 0.9,
    zero_init_residual: bool = True,
    weights: str | Path | None = None,
) -> keras.Model:
    """WA-ResNet-50: wavelet stem and gated ResNet-50. 26.1 M parameters.

    ROI -> one level of DWT -> normalisation -> ResNet-50 with a squeeze-and-excitation
    gate for each of its 16 residual blocks -> global average pooling -> dense ->
    softmax.

    The paper has one level of Haar. It does not specify the scale of the subbands, the
    kernel and stride of the stem and the initial gates: the defaults were best on
    validation (docs/results/wavelet-stem.md). `wa_resnet50_literal` is ResNet-50
    unchanged on the subbands.

    Args:
        image_size: side of the square ROI in pixels, even, at least 32.
        classes: number of classes: 2 (benign, malignant) or 3 (benign without callback,
            benign, malignant).
        dwt: `"model"`: the DWT is the first layer and the input the ROI,
            `(batch, image_size, image_size, 1)` in [0, 1]. `"pipeline"`: the input is
            its subbands LL, LH, HL, HH, `(batch, image_size / 2, image_size / 2, 4)`, a
            few pixels larger for wavelets longer than Haar.
        wavelet: name of an orthogonal or biorthogonal wavelet of PyWavelets.
        levels: levels of the DWT, 1 or 2. With 2, LL is transformed again, and its four
            bands, upsampled by repetition, precede the three details of the first
            level: 7 channels. Only with `dwt="model"`.
        graft: how the stem uses pretrained weights. `"field"` and `"detail"`
            standardise the ROI before the DWT; with open gates the network starts as
            exactly `resnet50` with these weights. `"field"`: on the same ROI, with a
            5x5 stem of stride 1, the `subband_stem` of the pretrained kernel (exact for
            Haar, else by least squares, with the relative error logged). `"detail"`: on
            the ROI averaged over 2x2 pixels, at the cost of that smaller ROI, with a
            7x7 stem of stride 2: the pretrained kernel on LL, zeros on LH, HL, HH. Both
            set the next three options and need `levels=1`. `"none"`: these options
            apply, and each band gets the same pretrained kernel.
        subband_norm: `"each"`: a mean and a variance for each band, the default without
            a graft; `"shared"`: one mean and variance for all bands, which keeps their
            relative scale; `"none"`: no normalisation.
        stem_stride: stride of the first convolution, by default 2 (a 224 ROI gives a
            4x4 map); 1 keeps the resolutions of ResNet-50 (7x7).
        stem_kernel: side of the first convolution's kernel: 7, by default, as in
            pretrained weights, 5 or 3.
        stride_on: the convolution with stride 2 in the first block of conv3, conv4 and
            conv5. `"1x1"`: the first, as in He et al. 2016 and keras.applications
            (`weights="imagenet"`). `"3x3"`: the second, as in torchvision and timm
            (ResNet v1.5, `.safetensors`). Weights of the other kind log a warning.
        se_position: `"after_block"`: the gate follows the residual block, as in the
            paper; `"before_add"`: it scales the residual branch, as in SE-ResNet (Hu et
            al. 2018); `"none"`: no gates.
        se_ratio: reduction ratio of the gates.
        gate_bias: gates start at `sigmoid(gate_bias)`. By default 4 (0.982) with
            pretrained weights, to keep their features, else 0 (0.5).
        bn_momentum: momentum of the trunk's moving averages. Keras' default of 0.99
            needs several hundred steps.
        zero_init_residual: whether each block starts as the identity (Goyal et al.
            2017): the scale of its last batch normalisation is initially zero.
        weights: None or `"none"`, `"imagenet"`, or a file; see `load_pretrained`.

    Returns:
        A functional model with output `(batch, classes)`, float32.

    Raises:
        UserError: a value is out of range, or the weights are not available.

    Source:
        Alsajer & Philippovich 2025, doi:10.25559/SITITO.021.202502.287-296.
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


@register_model(
    source="Alsajer & Philippovich 2025, read literally", imagenet="ResNet50"
)
def wa_resnet50_literal(
    *,
    image_size: int = 224,
    classes: int = 2,
    dwt: str = "model",
    weights: str | Path | None = None,
) -> keras.Model:
    """WA-ResNet-50 as the paper reads literally: ResNet-50 on the subbands.

    `wa_resnet50(graft="none", gate_bias=4, bn_momentum=0.99,
    zero_init_residual=False)`: ResNet-50's 7x7 stem of stride 2 on subbands, each
    normalised separately, gates that start at 0.982, and Keras' default momentum. For
    the arguments see `wa_resnet50`.
    """
    return _on_subbands(
        "wa_resnet50_literal",
        image_size,
        dwt=dwt,
        wavelet="haar",
        levels=1,
        graft="none",
        subband_norm=None,
        stem_stride=None,
        stem_kernel=None,
        classes=classes,
        weights=weights,
        se_position="after_block",
        gate_bias=4.0,
        bn_momentum=0.99,
        zero_init_residual=False,
    )


@register_model(
    source="WA-ResNet-50 without gates, for the ablation", imagenet="ResNet50"
)
def dwt_resnet50(
    *,
    image_size: int = 224,
    classes: int = 2,
    dwt: str = "model",
    wavelet: str = "haar",
    levels: int = 1,
    graft: str = "detail",
    subband_norm: str | None = None,
    stem_stride: int | None = None,
    stem_kernel: int | None = None,
    stride_on: str = "1x1",
    bn_momentum: Fraction = 0.9,
    zero_init_residual: bool = True,
    weights: str | Path | None = None,
) -> keras.Model:
    """ResNet-50 on subbands, without gates, for the ablation. 23.6 M parameters.

    The same graph as `wa_resnet50(se_position="none")`; see there for the arguments.
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


@register_model(
    source="WA-ResNet-50 without the DWT, for the ablation", imagenet="ResNet50"
)
def se_resnet50(
    *,
    image_size: int = 224,
    classes: int = 2,
    average: int = 1,
    stem_stride: int = 2,
    stem_kernel: int = 7,
    stride_on: str = "1x1",
    se_position: str = "after_block",
    se_ratio: Count = 16,
    gate_bias: float | None = None,
    bn_momentum: Fraction = 0.9,
    zero_init_residual: bool = True,
    weights: str | Path | None = None,
) -> keras.Model:
    """Gated ResNet-50 on the ROI, without DWT, for the ablation. 26.1 M parameters.

    With `se_position="before_add"` it is SE-ResNet-50 (Hu et al. 2018, table 1). For
    the arguments see `wa_resnet50`; for `average`, `resnet50`.
    """
    return resnet50_classifier(
        _averaged(image_size, average),
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


@register_model(
    source="He et al. 2016, Deep residual learning: 50 layers", imagenet="ResNet50"
)
def resnet50(
    *,
    image_size: int = 224,
    classes: int = 2,
    average: int = 1,
    stem_stride: int = 2,
    stride_on: str = "1x1",
    bn_momentum: Fraction = 0.9,
    zero_init_residual: bool = True,
    weights: str | Path | None = None,
) -> keras.Model:
    """ResNet-50 (He et al. 2016) on the grey ROI, the baseline. 23.6 M parameters.

    The ROI is standardised by the same normalisation layer, so that the two differ only
    in wavelets and gates. With `average=2` the network sees the means of 2x2 pixels,
    which makes it the baseline of `wa_resnet50(graft="detail")` on the same ROI at the
    same cost. For the other arguments see `wa_resnet50`.
    """
    return resnet50_classifier(
        _averaged(image_size, average),
        "resnet50",
        classes=classes,
        weights=weights,
        stem_stride=stem_stride,
        stride_on=stride_on,
        bn_momentum=bn_momentum,
        zero_init_residual=zero_init_residual,
    )


def _averaged(image_size: int, average: int) -> keras.KerasTensor:
    """Returns the standardised ROI, averaged over `average` x `average` pixels."""
    check_choice("average", average, (1, 2))
    roi = standardised_roi(image_size, even=True)[1]
    if average == 1:
        return roi
    return keras.layers.AveragePooling2D(average, name="average")(roi)


def _on_subbands(
    name: str,
    image_size: int,
    *,
    dwt: str,
    wavelet: str,
    levels: int,
    graft: str,
    subband_norm: str | None,
    stem_stride: int | None,
    stem_kernel: int | None,
    **options: Any,
) -> keras.Model:
    """Builds ResNet-50 on subbands, with the stem of `graft`."""
    check_choice("graft", graft, ("none", *EXACT_STEMS))
    if graft == "none":
        return resnet50_classifier(
            standardised_subbands(
                image_size,
                dwt,
                wavelet,
                levels,
                "each" if subband_norm is None else subband_norm,
            ),
            name,
            stem_stride=2 if stem_stride is None else stem_stride,
            stem_kernel=7 if stem_kernel is None else stem_kernel,
            **options,
        )
    stem = EXACT_STEMS[graft]
    # Option -> value received, value that the graft needs.
    decided: dict[str, tuple[Any, Any]] = {
        "subband_norm": (subband_norm, None),
        "stem_stride": (stem_stride, stem.stem_stride),
        "stem_kernel": (stem_kernel, stem.stem_kernel),
        "levels": (levels, 1),
    }
    for option, (received, needed) in decided.items():
        if received not in (None, needed):
            raise UserError(
                f"`{option}` contradicts graft={graft!r}. Received: {received!r}; "
                "leave it out, or give graft='none'."
            )
    return resnet50_classifier(
        subbands_of_standardised(image_size, dwt, wavelet),
        name,
        stem_stride=stem.stem_stride,
        stem_kernel=stem.stem_kernel,
        convert_stem=lambda kernel: stem.convert(kernel, wavelet),
        **options,
    )
