"""Selects the feature map that an explanation uses."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from keras_wa.errors import UserError, unknown_name

LEAST_SIDE = 14
"""Smallest side of a feature map that can localise a lesion, cells.

Of 16x16, 8x8, 4x4 and 2x2 only the first could, on 64 px (docs/explain.md).
"""

_CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)


def find_feature_map(
    model: keras.Model, name: str | None = None, least_side: int = LEAST_SIDE
) -> tuple[str, keras.KerasTensor]:
    """Finds the feature map for an explanation.

    By default it is the last one with at least `least_side` cells along each side, or
    else the last of the largest. For WA-ResNet-50 on 224 px that is 14x14 after the
    third stage (`conv3_block4_se`), with `graft="field"` after the fourth; on 64 px,
    with `graft="field"`, 16x16 after the second (`conv2_block3_se`).

    Only maps after the first convolution count. In a network with parallel branches, a
    map shows only its own branch.

    Args:
        model: a flat functional model, channels last.
        name: name of a layer or operation whose output is a map; None for the default.
        least_side: fewest cells along each side of the default.

    Returns:
        The name of the layer and its output, `(batch, h, w, channels)`.
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
    wanted = min(least_side, max(sides.values()))
    chosen = [each for each, side in sides.items() if side >= wanted][-1]
    return chosen, maps[chosen]


def _maps(model: keras.Model) -> dict[str, Any]:
    """Returns name -> output of each map after the first convolution, in order."""
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
    """Returns the output tensor; None if called twice or with several outputs."""
    try:
        output = operation.output
    except (AttributeError, ValueError):
        return None
    return output if isinstance(output, keras.KerasTensor) else None
