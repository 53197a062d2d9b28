"""Which of a network's feature maps an explanation looks at."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from keras_wa.errors import UserError, unknown_name

LEAST_SIDE = 14
"""A map of fewer cells along a side has not placed a lesion in its ROI.

Of 16x16, 8x8, 4x4 and 2x2 the first alone did, on 64 px (docs/explain.md).
"""

_CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)


def find_feature_map(
    model: keras.Model, name: str | None = None
) -> tuple[str, keras.KerasTensor]:
    """Finds the feature map to explain a network by.

    By default the last one of at least `LEAST_SIDE` cells along each side, that is the
    deepest that still says where; where no map has that many, the last of the largest.
    Of WA-ResNet-50 on 224 px that is 14x14 behind the third stage (`conv3_block4_se`),
    with `graft="field"` behind the fourth; on 64 px, with `graft="field"`, 16x16 behind
    the second (`conv2_block3_se`).

    Only maps behind the first convolution count: subbands and normalised ROIs are no
    features. In a network of parallel branches a map shows its own branch alone; name
    a layer to see another.

    Args:
        model: a flat functional model, channels last.
        name: a layer or operation whose output is a map.

    Returns:
        The name of the layer and its output, `(batch, h, w, channels)`.

    Raises:
        UserError: no layer with a map has this name, or the model has none.
    """
    maps = _maps(model)
    if name is not None:
        if name not in maps:
            raise unknown_name("layer with a feature map", name, maps)
        return name, maps[name]
    if not maps:
        raise UserError(
            "A heat map needs a convolutional network. "
            f"Received: model {model.name!r} without a feature map of more than 1x1; "
            "expected a model with one."
        )
    sides = {each: min(tensor.shape[1:3]) for each, tensor in maps.items()}
    wanted = min(LEAST_SIDE, max(sides.values()))
    chosen = [each for each, side in sides.items() if side >= wanted][-1]
    return chosen, maps[chosen]


def _maps(model: keras.Model) -> dict[str, Any]:
    """Name -> output of each map behind the first convolution, from input to output."""
    maps: dict[str, Any] = {}
    convolved = False
    for operation in model.operations:
        convolved = convolved or isinstance(operation, _CONVOLUTIONS)
        output = _only_output(operation)
        if not convolved or output is None or len(output.shape) != 4:
            continue
        height, width = output.shape[1:3]
        if height is not None and width is not None and height * width > 1:
            maps[operation.name] = output
    return maps


def _only_output(operation: Any) -> Any | None:
    """The output tensor; `None` of what is called twice or gives several."""
    try:
        output = operation.output
    except (AttributeError, ValueError):
        return None
    return output if isinstance(output, keras.KerasTensor) else None
