"""Parameter counts that others have published, and what an input of one channel saves.

Counts of torchvision leave moving averages out, those of keras.applications have them.
"""

from __future__ import annotations

# With three colours, without the top: keras.applications.
VGG16, VGG19 = 14_714_688, 20_024_384
RESNET50, DENSENET121 = 23_587_712, 7_037_504

# With three colours and 1000 classes: torchvision.models.
VGG16_TOP = 138_357_544
RESNET34_TOP = 21_797_672
ALEXNET_TOP = 61_100_840

NORM = 2
"""The two moving averages of `subband_norm`, of one channel."""


def dense(inputs: int, outputs: int) -> int:
    """Parameters of a dense layer with bias."""
    return inputs * outputs + outputs


def grey_instead_of_rgb(kernel: int, filters: int) -> int:
    """What a first convolution of one channel has less than one of three."""
    return 2 * kernel * kernel * filters
