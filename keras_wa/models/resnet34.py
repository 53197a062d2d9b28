"""ResNet-34, which keras.applications does not have."""

from __future__ import annotations

import keras
from keras import layers

from keras_wa.models.checks import Fraction, check_choice
from keras_wa.models.head import classifier
from keras_wa.models.registry import register_model
from keras_wa.models.stem import standardised_roi

# Blocks and channels of the stages conv2 to conv5.
_STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))


@register_model(source="He et al. 2016, Deep residual learning: 34 layers")
def resnet34(
    *,
    image_size: int = 224,
    classes: int = 2,
    stem_stride: int = 2,
    bn_momentum: Fraction = 0.9,
    zero_init_residual: bool = True,
) -> keras.Model:
    """ResNet-34 of basic blocks. 21.3 M parameters.

    Layers have the names of keras.applications' ResNet-50. As in the authors' code,
    convolutions have no bias. Shortcuts of new shape are 1x1 convolutions with
    normalisation (option B). Kernels are initialised after He et al. 2015.

    Args:
        image_size: side of the square ROI in pixels, at least 32.
        classes: number of classes, 2 or 3, see `wa_resnet50`.
        stem_stride: stride of the first convolution, 2 as in the source, or 1.
        bn_momentum: momentum of the moving averages.
        zero_init_residual: whether each block starts as the identity (Goyal et al.
            2017).

    Returns:
        A functional model with output `(batch, classes)`, float32.

    Raises:
        UserError: a value is out of range.

    Source:
        He et al. 2016, "Deep residual learning for image recognition", table 1.
    """
    check_choice("stem_stride", stem_stride, (1, 2))

    def conv_bn(
        x: keras.KerasTensor,
        name: str,
        filters: int,
        kernel: int = 3,
        stride: int = 1,
        gamma: str = "ones",
    ) -> keras.KerasTensor:
        x = layers.Conv2D(
            filters,
            kernel,
            strides=stride,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            name=f"{name}_conv",
        )(x)
        return layers.BatchNormalization(
            epsilon=1.001e-5,  # As in keras.applications.
            momentum=bn_momentum,
            gamma_initializer=gamma,
            name=f"{name}_bn",
        )(x)

    roi, x = standardised_roi(image_size)
    x = conv_bn(x, "conv1", 64, 7, stem_stride)
    x = layers.Activation("relu", name="conv1_relu")(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="pool1_pool")(x)
    last = "zeros" if zero_init_residual else "ones"
    for stage, (blocks, filters) in enumerate(_STAGES, start=2):
        for number in range(1, blocks + 1):
            name = f"conv{stage}_block{number}"
            stride = 2 if number == 1 and stage > 2 else 1
            shortcut = x
            if stride == 2:
                shortcut = conv_bn(x, f"{name}_0", filters, 1, stride)
            x = conv_bn(x, f"{name}_1", filters, 3, stride)
            x = layers.Activation("relu", name=f"{name}_1_relu")(x)
            x = conv_bn(x, f"{name}_2", filters, gamma=last)
            x = layers.Add(name=f"{name}_add")([shortcut, x])
            x = layers.Activation("relu", name=f"{name}_out")(x)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return classifier(roi, x, classes, "resnet34")
