"""Inserts layers into a network of keras.applications without nesting it.

The result is one flat functional graph with the original layer names, so that
pretrained weights and Grad-CAM find their layers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras

LayerFactory = Callable[[], Callable[[Any], Any]]
"""Creates a layer, or a function that applies several."""


def graft(
    base: keras.Model,
    after: Mapping[str, LayerFactory],
    changes: Mapping[str, Mapping[str, Any]] | None = None,
    before: Mapping[str, Callable[[Any], Any]] | None = None,
) -> keras.Model:
    """Copies a functional model, with layers inserted and settings changed.

    Args:
        base: a flat functional model. It is not modified.
        after: layer name -> function that creates the layer to insert after it.
        changes: layer name -> entries of the layer's config to replace.
        before: layer name -> function to apply to the input of this layer only.

    Returns:
        The copy, with new initial weights.

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
