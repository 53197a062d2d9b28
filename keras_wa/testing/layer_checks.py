"""Conformance test for a Keras layer."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import tree

HALF_POLICIES = ("mixed_float16", "mixed_bfloat16")


def run_layer_test(
    layer_class: type[keras.layers.Layer],
    init_kwargs: dict[str, Any],
    input_shape: tuple[int, ...] | list[tuple[int, ...]],
    *,
    input_data: Any = None,
    output_shape: Any = None,
    output_dtype: str | None = None,
    dynamic_axes: Sequence[int] = (),
    half_tolerance: float | None = 0.05,
) -> None:
    """Checks everything about a layer except its numbers.

    Each argument of `__init__` must be in `get_config` and an attribute. The layer must
    be registered and be restored from its config. Symbolic call, eager call and
    `compute_output_shape` must agree on shape and dtype. A functional model with the
    layer must give the same output after saving and loading. One step of `fit` must
    change a trainable weight, if there is one. Both mixed precision policies must work.

    Args:
        layer_class: the class to check.
        init_kwargs: arguments of the constructor.
        input_shape: shape with the batch; a list of shapes for several inputs.
        input_data: an array or a list of arrays. By default float32, uniform in
            [0, 1), seeded.
        output_shape: expected shape (or list of shapes); not checked if None.
        output_dtype: expected dtype under every policy; by default the policy's
            compute dtype.
        dynamic_axes: axes other than the batch that must also work with unknown size
            (None) when the graph is built.
        half_tolerance: largest absolute difference between mixed precision and
            float32, relative to the largest float32 output. None skips the mixed
            policies.

    Raises:
        AssertionError: a check fails.

    Example:
        >>> from keras_wa.testing import run_layer_test
        >>> from keras_wa.layers import DWT2D
        >>> run_layer_test(DWT2D, {"wavelet": "haar"}, (2, 8, 8, 1))
    """
    if input_data is None:
        rng = np.random.default_rng(0)
        input_data = tree.map_shape_structure(
            lambda shape: rng.random(shape, dtype=np.float32), input_shape
        )
    reference = _check_calls(
        layer_class(**init_kwargs, dtype="float32"),
        input_data,
        output_shape,
        output_dtype or "float32",
    )
    _check_config(layer_class, init_kwargs)
    # Unknown sizes are checked here; training, below, has known sizes.
    _check_functional_model(layer_class(**init_kwargs), input_data, dynamic_axes)
    _check_training(layer_class(**init_kwargs), input_data)
    if half_tolerance is None:
        return
    for policy in HALF_POLICIES:
        layer = layer_class(**init_kwargs, dtype=policy)
        outputs = _check_calls(
            layer, input_data, output_shape, output_dtype or layer.compute_dtype
        )
        # Random initial weights differ between two layers, so there is no comparison.
        if not layer.trainable_weights:
            _assert_near(outputs, reference, half_tolerance)
    # mixed_float16 also scales the gradients.
    _check_training(layer_class(**init_kwargs, dtype="mixed_float16"), input_data)


def _symbolic(input_data: Any, dynamic_axes: Sequence[int] = ()) -> Any:
    def one(array: np.ndarray) -> keras.KerasTensor:
        shape = [
            None if axis in dynamic_axes else size
            for axis, size in enumerate(array.shape)
        ]
        return keras.Input(shape=shape[1:], dtype=str(array.dtype))

    return tree.map_structure(one, input_data)


def _shapes(tensors: Any) -> list[tuple[int | None, ...]]:
    return [tuple(tensor.shape) for tensor in tree.flatten(tensors)]


def _flat_shapes(structure: Any) -> list[tuple[int | None, ...]]:
    shapes: list[tuple[int | None, ...]] = []
    tree.map_shape_structure(lambda shape: shapes.append(tuple(shape)), structure)
    return shapes


def _check_config(
    layer_class: type[keras.layers.Layer], init_kwargs: dict[str, Any]
) -> None:
    layer = layer_class(**init_kwargs, name="a_name")
    parameters = inspect.signature(layer_class.__init__).parameters.values()
    arguments = [
        parameter.name
        for parameter in parameters
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        or parameter.kind is parameter.KEYWORD_ONLY
    ]
    config = layer.get_config()
    for argument in arguments[1:]:
        assert hasattr(layer, argument), f"no attribute for the argument {argument!r}"
        assert argument in config, f"get_config leaves out {argument!r}"
    assert config["name"] == "a_name", "get_config does not chain super"
    assert "dtype" in config, "get_config does not chain super"
    again = layer_class.from_config(config).get_config()
    assert again == config, f"from_config gives {again}, not {config}"
    serialized = keras.saving.serialize_keras_object(layer)
    name = serialized["registered_name"] or ""
    assert ">" in name, "not registered for serialisation"
    copy = keras.saving.deserialize_keras_object(serialized)
    assert type(copy) is layer_class, f"deserialised, it is a {type(copy).__name__}"
    assert copy.get_config() == config, "deserialised, its config differs"


def _check_calls(
    layer: keras.layers.Layer, input_data: Any, output_shape: Any, dtype: str
) -> Any:
    symbolic = layer(_symbolic(input_data))
    eager = layer(tree.map_structure(keras.ops.convert_to_tensor, input_data))
    tree.assert_same_structure(symbolic, eager)

    shapes = _shapes(eager)
    known = [shape[1:] for shape in _shapes(symbolic)]
    assert known == [shape[1:] for shape in shapes], "symbolic and eager shapes differ"
    input_shapes = tree.map_structure(lambda array: array.shape, input_data)
    computed = _flat_shapes(layer.compute_output_shape(input_shapes))
    assert computed == shapes, "compute_output_shape differs from the call"
    if output_shape is not None:
        assert shapes == _flat_shapes(output_shape), f"the output has shape {shapes}"

    for tensor in [*tree.flatten(symbolic), *tree.flatten(eager)]:
        found = keras.backend.standardize_dtype(tensor.dtype)
        assert found == dtype, f"the output is {found}, not {dtype}"
    arrays = _numpy(eager)
    for array in tree.flatten(arrays):
        assert np.isfinite(array).all(), "an output is not finite"
    return arrays


def _numpy(tensors: Any) -> Any:
    return tree.map_structure(
        lambda tensor: keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32")),
        tensors,
    )


def _assert_near(outputs: Any, reference: Any, tolerance: float) -> None:
    pairs = zip(tree.flatten(outputs), tree.flatten(reference), strict=True)
    for output, expected in pairs:
        scale = max(float(np.abs(expected).max()), 1e-6)
        error = np.abs(output - expected).max() / scale
        assert error <= tolerance, f"outputs differ by {error:.2g} of the largest"


def _check_functional_model(
    layer: keras.layers.Layer, input_data: Any, dynamic_axes: Sequence[int]
) -> None:
    inputs = _symbolic(input_data, dynamic_axes)
    model = keras.Model(inputs, layer(inputs))
    expected = model.predict_on_batch(input_data)
    eager = _numpy(layer(tree.map_structure(keras.ops.convert_to_tensor, input_data)))
    _assert_near(expected, eager, 1e-5)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        loaded = keras.saving.load_model(path)
    assert loaded.count_params() == model.count_params(), "loaded, weights are missing"
    _assert_near(_numpy(loaded(input_data)), eager, 1e-6)


def _check_training(layer: keras.layers.Layer, input_data: Any) -> None:
    inputs = _symbolic(input_data)
    features = [
        keras.layers.Flatten(dtype="float32")(output)
        for output in tree.flatten(layer(inputs))
    ]
    joined = (
        keras.layers.Concatenate(dtype="float32")(features)
        if len(features) > 1
        else features[0]
    )
    model = keras.Model(inputs, keras.layers.Dense(1, dtype="float32")(joined))
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    before = [keras.ops.convert_to_numpy(w).copy() for w in layer.trainable_weights]
    count = len(tree.flatten(input_data)[0])
    target = np.linspace(-1, 1, count, dtype="float32")[:, None]
    history = model.fit(input_data, target, epochs=1, batch_size=count, verbose=0)
    assert np.isfinite(history.history["loss"][0]), "the loss is not finite"
    after = [keras.ops.convert_to_numpy(w) for w in layer.trainable_weights]
    moved = any((a != b).any() for a, b in zip(after, before, strict=True))
    assert moved or not before, "training moves no weight"
