"""AlexNet with one tower."""

from __future__ import annotations

import keras
from keras import layers

from keras_wa.models.checks import Fraction
from keras_wa.models.head import classifier
from keras_wa.models.registry import register_model
from keras_wa.models.stem import standardised_roi
from keras_wa.ranges import Range

# Filters, kernel and stride of each convolution, and whether max pooling follows.
_CONVOLUTIONS = (
    (64, 11, 4, True),
    (192, 5, 1, True),
    (384, 3, 1, False),
    (256, 3, 1, False),
    (256, 3, 1, True),
)


@register_model(source="Krizhevsky et al. 2012, one tower as in Krizhevsky 2014")
def alexnet(
    *,
    image_size: int = 224,
    classes: int = 2,
    batch_norm: bool = False,
    dropout: Fraction = 0.5,
    bn_momentum: Fraction = 0.9,
) -> keras.Model:
    """AlexNet with one tower. 57.0 M parameters.

    Five convolutions, overlapping max pooling and two dense layers of 4096, each after
    dropout. The original has two towers because of the memory of its GPUs; the author's
    later version with one is what libraries call AlexNet. It has no local response
    normalisation, which has little effect (Simonyan & Zisserman 2015, section 4.1).

    Args:
        image_size: side of the square ROI in pixels, at least 63 for the last pooling.
        classes: number of classes, 2 or 3, see `wa_resnet50`.
        batch_norm: whether to add batch normalisation between convolution and ReLU.
        dropout: dropout rate before each of the two dense layers.
        bn_momentum: momentum of the moving averages.

    Returns:
        A functional model with output `(batch, classes)`, float32.

    Raises:
        UserError: a value is out of range.

    Source:
        Krizhevsky et al. 2012; one tower: Krizhevsky 2014.
    """
    Range(63, whole=True).check("`image_size`", image_size)
    roi, x = standardised_roi(image_size)
    # As in PyTorch: "same" with stride 4 would pad unevenly.
    x = layers.ZeroPadding2D(2, name="conv1_pad")(x)
    for number, (filters, kernel, stride, pooled) in enumerate(_CONVOLUTIONS, start=1):
        x = layers.Conv2D(
            filters,
            kernel,
            strides=stride,
            padding="valid" if number == 1 else "same",
            kernel_initializer="he_normal",
            name=f"conv{number}_conv",
        )(x)
        if batch_norm:
            x = layers.BatchNormalization(
                momentum=bn_momentum, name=f"conv{number}_bn"
            )(x)
        x = layers.Activation("relu", name=f"conv{number}_relu")(x)
        if pooled:
            x = layers.MaxPooling2D(3, strides=2, name=f"pool{number}_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    for number in (1, 2):
        x = layers.Dropout(dropout, name=f"fc{number}_dropout")(x)
        x = layers.Dense(4096, activation="relu", name=f"fc{number}")(x)
    return classifier(roi, x, classes, "alexnet")
