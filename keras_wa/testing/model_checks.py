"""Conformance test for a function that builds a model."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_wa.metrics.fusion import fuse_views
from keras_wa.models import create_model
from keras_wa.models.pairs import on_pairs
from keras_wa.models.registry import model_source


def run_model_test(
    model: str | Callable[..., keras.Model],
    options: Mapping[str, Any] | None = None,
    *,
    image_size: int = 64,
    classes: int = 3,
) -> keras.Model:
    """Checks that a model fulfils what training, evaluation and export rely on.

    The model must be flat: layers only, no nested models. It must take grey ROIs of
    `image_size` and return float32 probabilities from a last layer `predictions`, the
    same after saving and loading. Before its softmax that layer must be linear, so that
    two views can be fused. The gradient must reach each layer with weights.
    `image_size` and `classes` must be options, and an error for a value out of range
    must name the option. The check sets Keras' random seed.

    Args:
        model: name of a registered model, or the function that builds it.
        options: options of the model other than `image_size` and `classes`.
        image_size: side of the ROIs, pixels.
        classes: number of classes.

    Returns:
        The model, after a training step, for further checks.

    Raises:
        AssertionError: a check fails.

    Example:
        >>> from keras_wa.testing import run_model_test
        >>> import keras
        >>> def tiny(*, image_size: int = 64, classes: int = 2) -> keras.Model:
        ...     if image_size < 1:
        ...         raise ValueError(f"`image_size` must be at least 1: {image_size}")
        ...     if classes < 2:
        ...         raise ValueError(f"`classes` must be at least 2: {classes}")
        ...     roi = keras.Input((image_size, image_size, 1), name="roi")
        ...     x = keras.layers.Conv2D(4, 3)(roi)
        ...     x = keras.layers.GlobalAveragePooling2D()(x)
        ...     head = keras.layers.Dense(
        ...         classes, activation="softmax", dtype="float32", name="predictions"
        ...     )
        ...     return keras.Model(roi, head(x))
        >>> run_model_test(tiny, image_size=16).count_params()
        55
    """
    build = functools.partial(create_model, model) if isinstance(model, str) else model
    known = {**(options or {}), "image_size": image_size, "classes": classes}
    keras.utils.set_random_seed(0)
    built = build(**known)
    # Low contrast, so that untrained normalisation does not saturate the softmax.
    shape = (2, image_size, image_size, 1)
    rois = 0.03 * np.random.default_rng(0).random(shape, "float32")
    _check_structure(built, image_size)
    _check_output(built, rois, classes)
    _check_pairs(built, rois)
    _check_saving(built, rois)
    _check_training(built, rois, classes)
    for option, wrong in (("image_size", 0), ("classes", 1)):
        _check_refusal(build, {**known, option: wrong}, option)
    if isinstance(model, str):
        lines = model_source(model).splitlines()
        assert len(lines) == 1, "the source must be one line"
    return built


def _check_structure(model: keras.Model, image_size: int) -> None:
    assert len(model.inputs) == len(model.outputs) == 1, "one input and output each"
    assert model.input.name == "roi", f"the input is named {model.input.name!r}"
    expected = (None, image_size, image_size, 1)
    assert model.input.shape == expected, f"the input has shape {model.input.shape}"
    head = model.layers[-1]
    assert head.name == "predictions", f"the last layer is named {head.name!r}"
    assert head.compute_dtype == "float32", "the softmax must be computed in float32"
    for each in model.operations:
        assert isinstance(each, keras.layers.Layer), f"{each.name} is no layer"
        assert not isinstance(each, keras.Model), f"{each.name} is a model in the model"


def _output(model: keras.Model, rois: NDArray[np.float32]) -> NDArray[np.float32]:
    return keras.ops.convert_to_numpy(model(rois, training=False))


def _check_output(model: keras.Model, rois: NDArray[np.float32], classes: int) -> None:
    found = _output(model, rois)
    assert found.shape == (len(rois), classes), f"the output has shape {found.shape}"
    assert found.dtype == np.float32, f"the output is {found.dtype}"
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


def _check_pairs(model: keras.Model, rois: NDArray[np.float32]) -> None:
    pairs = on_pairs(model)
    both = pairs.trainable_variables, model.trainable_variables
    same = (one is other for one, other in zip(*both, strict=True))
    assert all(same), "on two views its weights have another order"
    np.testing.assert_allclose(
        _output(pairs, rois[np.newaxis]),
        fuse_views(_output(model, rois), [0, 0])[:1],
        atol=1e-5,
        err_msg="the last layer must be linear before its softmax, for two views",
    )


def _check_saving(model: keras.Model, rois: NDArray[np.float32]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        loaded = keras.models.load_model(path)
    names = [[each.name for each in one.layers] for one in (loaded, model)]
    assert names[0] == names[1], "loaded, its layers have other names"
    np.testing.assert_allclose(_output(loaded, rois), _output(model, rois), atol=1e-5)


def _check_training(
    model: keras.Model, rois: NDArray[np.float32], classes: int
) -> None:
    rng = np.random.default_rng(1)
    for weight in model.trainable_weights:
        # A scale of 0, as at the end of a residual branch, stops the gradient.
        if not np.any(keras.ops.convert_to_numpy(weight)):
            weight.assign(rng.uniform(0.05, 0.1, weight.shape))
    # Eager, since tracing a ResNet-50 takes longer than one step.
    model.compile(
        keras.optimizers.SGD(1.0), "categorical_crossentropy", run_eagerly=True
    )
    before = [_weights(layer) for layer in model.layers]
    targets = np.eye(classes, dtype="float32")[[0, classes - 1]]
    loss = model.train_on_batch(rois, targets)
    assert np.isfinite(loss), "the loss is not finite"
    for layer, old in zip(model.layers, before, strict=True):
        new = _weights(layer)
        assert all(np.isfinite(each).all() for each in new), f"{layer.name} diverges"
        moved = any((a != b).any() for a, b in zip(new, old, strict=True))
        assert moved or not old, f"no gradient reaches {layer.name}"


def _weights(layer: keras.layers.Layer) -> list[NDArray[Any]]:
    return [keras.ops.convert_to_numpy(w).copy() for w in layer.trainable_weights]


def _check_refusal(
    build: Callable[..., keras.Model], options: Mapping[str, Any], option: str
) -> None:
    try:
        build(**options)
    except ValueError as error:
        told = str(error)
    else:
        raise AssertionError(f"`{option}` {options[option]} is accepted")
    assert f"`{option}`" in told, f"{told!r} does not name `{option}`"
