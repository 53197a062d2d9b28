"""Grafts layers into a network of keras.applications without nesting it.

The result stays one flat functional graph with the layer names of the original, so
that pretrained weights find their layers and Grad-CAM finds its feature map.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras

LayerFactory = Callable[[], Callable[[Any], Any]]
"""Makes a layer, or a function that applies several."""


def graft(
    base: keras.Model,
    after: Mapping[str, LayerFactory],
    changes: Mapping[str, Mapping[str, Any]] | None = None,
    before: Mapping[str, Callable[[Any], Any]] | None = None,
) -> keras.Model:
    """Copies a functional model with new layers inserted and some settings changed.

    Args:
        base: a flat functional model. It is not modified; the copy has weights of
            its own.
        after: layer name -> a function that makes the layer to insert behind it.
        changes: layer name -> entries of that layer's config to replace, for example
            `{"conv1_conv": {"strides": (1, 1)}}`.
        before: layer name -> what to apply to the layer's input, for this layer alone.

    Returns:
        The copy, with freshly initialised weights.

    Raises:
        ValueError: a name is not a layer of `base`.
    """
    changes, before = changes or {}, before or {}
    names = {layer.name for layer in base.layers}
    missing = sorted((set(after) | set(changes) | set(before)) - names)
    if missing:
        raise ValueError(f"Not a layer of {base.name!r}: {missing}")

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = {**layer.get_config(), **changes.get(layer.name, {})}
        return type(layer).from_config(config)

    def call(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        if layer.name in before:
            args = (before[layer.name](args[0]), *args[1:])
        outputs = layer(*args, **kwargs)
        if layer.name in after:
            outputs = after[layer.name]()(outputs)
        return outputs

    return keras.models.clone_model(base, clone_function=clone, call_function=call)
