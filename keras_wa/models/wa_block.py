"""ResNet-50 with wavelet attention as downsampling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from keras_wa.layers import WaveletAttention
from keras_wa.models.checks import Fraction
from keras_wa.models.graft import graft
from keras_wa.models.head import classifier
from keras_wa.models.registry import register_model
from keras_wa.models.resnet_trunk import resnet50_features
from keras_wa.models.stem import standardised_roi


@register_model(source="Zhao 2022, WA-CNN (arXiv 2201.09271), on ResNet-50")
def wa_block_resnet50(
    *,
    image_size: int = 224,
    classes: int = 2,
    wavelet: str = "haar",
    stem_stride: int = 2,
    bn_momentum: Fraction = 0.9,
    zero_init_residual: bool = True,
) -> keras.Model:
    """ResNet-50 with wavelet-attention blocks. 23.6 M parameters.

    Another reading of Alsajer & Philippovich 2025, whose results mention a "WA block"
    that decomposes feature maps. Where a residual block of ResNet-50 has a stride of 2,
    `WaveletAttention` halves the map: the residual branch takes the attended map, the
    shortcut LL, and both convolutions have stride 1. No weights are added. A 1x1
    convolution of stride 2 would skip three of four positions.

    The block and its position are from the source, which has networks for 32x32 images.
    Stem and max pooling are unchanged. There are no pretrained weights, since the block
    doubles the scale of the features.

    Args:
        image_size: side of the square ROI in pixels, at least 32.
        classes: number of classes, 2 or 3, see `wa_resnet50`.
        wavelet: see `WaveletAttention`. Maps are a few pixels larger for wavelets
            longer than Haar.
        stem_stride: see `wa_resnet50`.
        bn_momentum: momentum of the moving averages.
        zero_init_residual: see `wa_resnet50`.

    Returns:
        A functional model with output `(batch, classes)`, float32.

    Raises:
        UserError: a value is out of range.

    Source:
        Zhao 2022, "Wavelet-Attention CNN for image classification", arXiv:2201.09271.
    """
    trunk = resnet50_features(
        standardised_roi(image_size)[1],
        "wa_block_resnet50",
        stem_stride=stem_stride,
        bn_momentum=bn_momentum,
        zero_init_residual=zero_init_residual,
    )
    before: dict[str, Callable[[Any], Any]] = {}
    for stage in (3, 4, 5):
        attended, low = _both_maps(f"conv{stage}_wa", wavelet)
        before[f"conv{stage}_block1_1_conv"] = attended
        before[f"conv{stage}_block1_0_conv"] = low
    changes = {name: {"strides": (1, 1)} for name in before}
    trunk = graft(trunk, after={}, changes=changes, before=before)
    return classifier(trunk.inputs[0], trunk.outputs[0], classes, "wa_block_resnet50")


def _both_maps(name: str, wavelet: str) -> tuple[Callable[[Any], Any], ...]:
    """Returns two functions of one map, for its two convolutions, with one layer."""
    maps: list[Any] = []

    def output(index: int) -> Callable[[Any], Any]:
        def take(x: Any) -> Any:
            if not maps:
                maps.extend(WaveletAttention(wavelet, name=name)(x))
            return maps[index]

        return take

    return output(0), output(1)
