"""Hybrids of ResNet-50 and a vision transformer, in sequence and in parallel."""

from __future__ import annotations

from pathlib import Path

import keras
from keras import layers

from keras_wa.errors import UserError
from keras_wa.models.checks import Count, Fraction, check_choice
from keras_wa.models.head import classifier
from keras_wa.models.registry import register_model
from keras_wa.models.resnet_trunk import resnet50_features
from keras_wa.models.stem import standardised_roi
from keras_wa.models.transformer import encoded
from keras_wa.models.weights import load_pretrained


@register_model(
    source="Dosovitskiy et al. 2021, hybrid: ResNet-50, then a transformer",
    imagenet="ResNet50",
)
def resnet50_vit(
    *,
    image_size: int = 224,
    classes: int = 2,
    stage: int = 5,
    stem_stride: int = 2,
    stride_on: str = "1x1",
    width: Count = 384,
    depth: Count = 6,
    heads: Count = 6,
    dropout: Fraction = 0.1,
    bn_momentum: Fraction = 0.9,
    zero_init_residual: bool = True,
    weights: str | Path | None = None,
) -> keras.Model:
    """ResNet-50 followed by a vision transformer. 35.0 M parameters.

    ROI -> ResNet-50 -> the positions of its last map as tokens -> transformer encoder
    -> class token -> dense -> softmax.

    The introduction of Alsajer & Philippovich 2025 mentions a ResNet-50-ViT without
    details. The sizes are our choice: width and heads of ViT-S (Touvron et al. 2021)
    with half its depth, since there are few ROIs. The normalisation is batch
    normalisation, as in our other ResNets, not group normalisation.

    Args:
        image_size: side of the square ROI in pixels, at least 32.
        classes: number of classes, 2 or 3, see `wa_resnet50`.
        stage: stage whose map gives the tokens: 5, the last (49 tokens for a ROI of
            224), or 4 (four times as many, without stage 5).
        stem_stride: see `wa_resnet50`; 1 gives four times as many tokens.
        stride_on: see `wa_resnet50`.
        width: length of a token.
        depth: number of encoder blocks.
        heads: number of attention heads; divides `width`.
        dropout: dropout rate in the encoder.
        bn_momentum: momentum of ResNet-50's moving averages.
        zero_init_residual: see `wa_resnet50`.
        weights: weights of ResNet-50, see `wa_resnet50`.

    Returns:
        A functional model with output `(batch, classes)`, float32.

    Raises:
        UserError: a value is out of range, or the weights are not available.

    Source:
        Dosovitskiy et al. 2021, "An image is worth 16x16 words", section 3.1, hybrid.
    """
    check_choice("stage", stage, (4, 5))
    trunk = resnet50_features(
        standardised_roi(image_size)[1],
        "resnet50_vit",
        stem_stride=stem_stride,
        stride_on=stride_on,
        bn_momentum=bn_momentum,
        zero_init_residual=zero_init_residual,
    )
    last = {4: "conv4_block6_out", 5: "conv5_block3_out"}[stage]
    x = layers.Conv2D(width, 1, name="vit_embedding")(trunk.get_layer(last).output)
    x = encoded(x, depth, heads, dropout)
    model = classifier(trunk.inputs[0], x, classes, "resnet50_vit")
    load_pretrained(model, weights)
    return model


@register_model(
    source="Boudouh & Bouakkaz 2024, doi 10.1007/s10489-024-05619-3",
    imagenet="ResNet50",
)
def cnn_vit(
    *,
    image_size: int = 224,
    classes: int = 2,
    patch_size: Count = 16,
    stem_stride: int = 2,
    stride_on: str = "1x1",
    width: Count = 384,
    depth: Count = 6,
    heads: Count = 6,
    dropout: Fraction = 0.1,
    bn_momentum: Fraction = 0.9,
    zero_init_residual: bool = True,
    weights: str | Path | None = None,
) -> keras.Model:
    """ResNet-50 and a vision transformer in parallel. 35.0 M parameters.

    ROI -> ResNet-50 -> global average pooling, and ROI -> patches -> transformer
    encoder -> class token; both concatenated -> dense 256, ReLU -> dropout -> dense ->
    softmax.

    From the source, of which only the abstract was available: features of a CNN and a
    ViT are fused to classify calcifications. Ours: ResNet-50 as the CNN, the sizes of
    `resnet50_vit`, fusion by concatenation, and the size of the dense layer.

    Args:
        image_size: side of the square ROI in pixels, at least 32.
        classes: number of classes, 2 or 3, see `wa_resnet50`.
        patch_size: side of the patches in pixels. Incomplete patches are dropped.
        stem_stride: see `wa_resnet50`.
        stride_on: see `wa_resnet50`.
        width: length of a token.
        depth: number of encoder blocks.
        heads: number of attention heads; divides `width`.
        dropout: dropout rate in the encoder and before the last layer.
        bn_momentum: momentum of ResNet-50's moving averages.
        zero_init_residual: see `wa_resnet50`.
        weights: weights of ResNet-50, see `wa_resnet50`.

    Returns:
        A functional model with output `(batch, classes)`, float32.

    Raises:
        UserError: a value is out of range, or the weights are not available.

    Source:
        Boudouh & Bouakkaz 2024, doi:10.1007/s10489-024-05619-3.
    """
    if not 1 <= patch_size <= image_size:
        raise UserError(
            f"`patch_size` must be 1 to `image_size`. Received: {patch_size}; expected "
            f"at most {image_size}"
        )
    trunk = resnet50_features(
        standardised_roi(image_size)[1],
        "cnn_vit",
        stem_stride=stem_stride,
        stride_on=stride_on,
        bn_momentum=bn_momentum,
        zero_init_residual=zero_init_residual,
    )
    roi = trunk.get_layer("subband_norm").output
    patches = layers.Conv2D(width, patch_size, strides=patch_size, name="vit_embedding")
    both = [trunk.outputs[0], encoded(patches(roi), depth, heads, dropout)]
    x = layers.Concatenate(name="fusion")(both)
    x = layers.Dense(256, activation="relu", name="fusion_dense")(x)
    x = layers.Dropout(dropout, name="fusion_dropout")(x)
    model = classifier(trunk.inputs[0], x, classes, "cnn_vit")
    load_pretrained(model, weights)
    return model
