"""Folds batch normalisation and freezes weights, for faster serving."""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from keras_wa import tensorflow_internals as internals

Function = Callable[[tf.Tensor], dict[str, tf.Tensor]]

_OTHER_DTYPES = (tf.float32, tf.float64, tf.float16, tf.uint16, tf.int32, tf.int64)
"""Common dtypes of images, which are refused with a clear message."""


def fold_batch_normalization(model: keras.Model) -> keras.Model:
    """Folds batch normalisation into the convolution before it.

    At inference `gamma * (x - mean) / sqrt(variance + epsilon) + beta` is a factor and
    an offset for each channel, which kernel and bias can include.

    Returns:
        A copy for inference, without the layers that can be folded: those over the last
        axis that are the only user of a `Conv2D` without activation. The model itself,
        if one of these layers is used more than once.
    """
    norms = {conv.name: norm for norm, conv in _pairs(model)}
    folded = {norm.name for norm in norms.values()}
    calls: Counter[str] = Counter()

    def clone(layer: layers.Layer) -> layers.Layer:
        config = layer.get_config()
        if layer.name in norms:
            config["use_bias"] = True
        if "kernel_initializer" in config:
            # Random weights would take a quarter of the time and are replaced below.
            config["kernel_initializer"] = "zeros"
        return type(layer).from_config(config)

    def call(layer: layers.Layer, *args: Any, **kwargs: Any) -> Any:
        calls[layer.name] += 1
        return args[0] if layer.name in folded else layer(*args, **kwargs)

    copy = keras.models.clone_model(model, clone_function=clone, call_function=call)
    if any(calls[name] > 1 for name in (*folded, *norms)):
        return model
    for layer in copy.layers:
        if not layer.weights:  # The input has another name.
            continue
        source = model.get_layer(layer.name)
        norm = norms.get(layer.name)
        layer.set_weights(_fold(source, norm) if norm else source.get_weights())
    return copy


def _pairs(model: keras.Model) -> list[tuple[layers.Layer, layers.Layer]]:
    """Returns each batch normalisation that can be folded, and its convolution."""
    convolutions = {
        id(layer.output): layer
        for layer in model.layers
        if type(layer) is layers.Conv2D
        and layer.activation is keras.activations.linear
        and layer.data_format == "channels_last"
    }
    users = users_of(model)
    return [
        (layer, convolutions[id(layer.input)])
        for layer in model.layers
        if type(layer) is layers.BatchNormalization
        and id(layer.input) in convolutions
        and layer.axis in (-1, layer.input_spec.ndim - 1)
        and len(users[id(layer.input)]) == 1
    ]


def calls_of(operation: Any) -> list[Any]:
    """Returns the calls of a layer or operation in functional models.

    Keras has no public name for them; this one is that of 3.12 to 3.15.
    """
    return operation._inbound_nodes


def users_of(model: keras.Model) -> dict[int, list[Any]]:
    """Returns the users of each tensor of a functional model, by the tensor's `id`.

    All operations count, such as `a + b`. An output of the model has the user None.
    """
    users: dict[int, list[Any]] = defaultdict(list)
    for operation in model.operations:
        for node in calls_of(operation):
            for tensor in node.input_tensors:
                users[id(tensor)].append(operation)
    for tensor in keras.tree.flatten(model.outputs):
        users[id(tensor)].append(None)
    return users


def _fold(conv: layers.Conv2D, norm: layers.BatchNormalization) -> list[np.ndarray]:
    """Returns kernel `(h, w, in, out)` and bias `(out,)` of both together."""
    factor, offset = affine_of(norm)
    bias = _float64(conv.bias if conv.use_bias else None, 0.0) * factor + offset
    kernel = _float64(conv.kernel, 0.0) * factor
    return [kernel.astype("float32"), bias.astype("float32")]


def affine_of(norm: layers.BatchNormalization) -> tuple[np.ndarray, np.ndarray]:
    """Returns a batch normalisation as factor and offset of each channel."""
    spread = np.sqrt(_float64(norm.moving_variance, 1.0) + norm.epsilon)
    factor = _float64(norm.gamma, 1.0) / spread
    return factor, _float64(norm.beta, 0.0) - _float64(norm.moving_mean, 0.0) * factor


def _float64(variable: Any, default: float) -> Any:
    if variable is None:
        return default
    return keras.ops.convert_to_numpy(variable).astype("float64")


def save_frozen(
    model: keras.Model,
    path: Path,
    signature: tf.TensorSpec,
    functions: Mapping[str, Function] | None = None,
    guard: Callable[[Function], Function] = lambda function: function,
) -> None:
    """Writes a model as a SavedModel whose weights are constants of its graph.

    TensorFlow then prepares each kernel for the processor once, not at each call.

    Args:
        model: a model from one tensor to one tensor.
        path: the directory.
        signature: signature of the input; `serve` and `serving_default` take it by its
            name and return `output_0`.
        functions: further signatures: name -> function to a dictionary of outputs.
        guard: decorator of each function. `NAME_unchecked` of the loaded object is the
            function without it.
    """

    def infer(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"output_0": model(inputs, training=False)}

    def only(function: Function) -> Callable[[tf.Tensor], tf.Tensor]:
        def serve(roi: tf.Tensor) -> tf.Tensor:
            return function(roi)["output_0"]

        return serve

    def traced(function: Callable[[tf.Tensor], Any]) -> Any:
        return tf.function(function, input_signature=[signature], autograph=False)

    module, signatures = tf.Module(), {}
    if internals.convert_variables_to_constants is None:
        module.weights = [each.value for each in model.variables]

    def add(name: str, checked: Callable[..., Any], run: Callable[..., Any]) -> None:
        served, signatures[name] = _of_one_dtype(checked, signature)
        setattr(module, name, served)
        setattr(module, f"{name}_unchecked", run)

    # A loaded SavedModel has a copy of a function and its constants in each graph that
    # calls it. A function that is traced before TensorFlow saves is traced again, and
    # written twice if it is a signature too.
    tracing: Any = internals.save_context or contextlib.nullcontext
    with tracing(tf.saved_model.SaveOptions()):
        run = traced(only(_frozen(infer, signature)))
        add("serve", only(guard(lambda roi: {"output_0": run(roi)})), run)
        signatures["serving_default"] = signatures.pop("serve")
        for name, function in (functions or {}).items():
            run = traced(_frozen(function, signature))
            add(name, guard(run), run)
    tf.saved_model.save(module, str(path), signatures=signatures)


def _of_one_dtype(
    function: Callable[[tf.Tensor], Any], signature: tf.TensorSpec
) -> tuple[Any, Any]:
    """Returns a function that refuses other dtypes once it is loaded, and its trace.

    TensorFlow silently casts a NumPy array to the dtype of a loaded function with only
    one trace. With several traces it selects the one that fits; those of other dtypes
    raise.
    """

    def serve(roi: tf.Tensor) -> Any:
        if roi.dtype == signature.dtype:
            return function(roi)
        message = (
            f"{signature.name}. Received: {roi.dtype.name}; expected "
            f"{signature.dtype.name}. Multiply an image of [0, 1] by 255 and round it."
        )
        with tf.control_dependencies([tf.debugging.Assert(False, [message])]):
            return tf.identity(roi)

    served = tf.function(serve, autograph=False)
    trace = served.get_concrete_function(signature)
    name = f"{signature.name}_must_be_{signature.dtype.name}"
    for dtype in _OTHER_DTYPES:
        served.get_concrete_function(tf.TensorSpec(signature.shape, dtype, name))
    return served, trace


def _frozen(function: Function, signature: tf.TensorSpec) -> Function:
    """Returns the function with its variables as constants, inlined in its caller."""
    if internals.convert_variables_to_constants is None:
        return function
    concrete = tf.function(function, autograph=False).get_concrete_function(signature)
    # Control flow is not lowered, so that XLA can still compile it.
    frozen = internals.convert_variables_to_constants(
        concrete, lower_control_flow=False
    )
    graph, (argument,) = frozen.graph.as_graph_def(), frozen.inputs
    graph.node.remove(next(n for n in graph.node if n.name == argument.op.name))
    outputs = [each.name for each in frozen.outputs]
    names = sorted(concrete.structured_outputs)

    def run(roi: tf.Tensor) -> dict[str, tf.Tensor]:
        results = tf.graph_util.import_graph_def(graph, {argument.name: roi}, outputs)
        # TensorFlow flattens a dictionary in the order of its keys.
        return dict(zip(names, results, strict=True))

    return run
