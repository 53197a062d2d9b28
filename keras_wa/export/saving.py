"""Writes and loads SavedModels for inference."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from keras_wa import tensorflow_internals as internals

Function = Callable[[tf.Tensor], dict[str, tf.Tensor]]

_OTHER_DTYPES = (tf.float32, tf.float64, tf.float16, tf.uint16, tf.int32, tf.int64)
"""Common dtypes of images, which are refused with a clear message."""


def save_functions(
    model: keras.Model,
    path: Path,
    signature: tf.TensorSpec,
    functions: Mapping[str, Function] | None = None,
    guard: Callable[[Function], Function] = lambda function: function,
) -> None:
    """Writes a model as a SavedModel for inference.

    Args:
        model: a model from one tensor to one tensor, or to a dictionary of them with
            `output_0`.
        path: the directory.
        signature: signature of the input; `serve` and `serving_default` take it by its
            name. `serve` returns `output_0`, `serving_default` all outputs by name.
        functions: further signatures: name -> function to a dictionary of outputs.
        guard: decorator of each function. `NAME_unchecked` of the loaded object is the
            function without it.
    """

    def only(function: Function) -> Callable[[tf.Tensor], tf.Tensor]:
        def serve(roi: tf.Tensor) -> tf.Tensor:
            return function(roi)["output_0"]

        return serve

    module, signatures = tf.Module(), {}
    module.weights = []

    def add(
        name: str, run: Any, checked: Callable[[Any], Callable[[tf.Tensor], Any]]
    ) -> None:
        run = tf.function(run, input_signature=[signature], autograph=False)
        trace = run.get_concrete_function()
        # Those of constant kernels are read during tracing only.
        captured = {id(tensor) for tensor in trace.captured_inputs}
        module.weights += [w for w in trace.variables if id(w.handle) in captured]
        served, signatures[name] = _of_one_dtype(checked(run), signature)
        setattr(module, name, served)
        setattr(module, f"{name}_unchecked", run)

    # A function that is traced before TensorFlow saves is traced again, and both are
    # written, each with its constants.
    tracing: Any = internals.save_context or contextlib.nullcontext
    with tracing(tf.saved_model.SaveOptions()):
        add(
            "serve",
            lambda roi: model(roi, training=False),
            lambda run: only(guard(lambda roi: by_name(run(roi)))),
        )
        signatures["serving_default"] = signatures.pop("serve")
        if isinstance(model.output, dict):
            every = guard(module.serve_unchecked)
            _, signatures["serving_default"] = _of_one_dtype(every, signature)
        for name, function in (functions or {}).items():
            add(name, function, guard)
    tf.saved_model.save(module, str(path), signatures=signatures)


def by_name(outputs: Any) -> dict[str, tf.Tensor]:
    """Returns the outputs of a model by name; a single one is `output_0`."""
    return outputs if isinstance(outputs, dict) else {"output_0": outputs}


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


def load_saved_model(path: Path) -> Any:
    """Loads a SavedModel by TensorFlow, with any characters in its path.

    TensorFlow interprets the path as a pattern, and finds no file in `x[1]`. So a link
    with a plain name is used.
    """
    if not set("*?[\\") & set(str(path)):
        return tf.saved_model.load(str(path))
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder, "model")
        link.symlink_to(path.absolute(), target_is_directory=True)
        return tf.saved_model.load(str(link))


def unchecked(loaded: Any, name: str) -> Callable[[Any], Any]:
    """Returns a function of a loaded SavedModel without its guard, if it has one."""
    free = f"{name}_unchecked"
    function = getattr(loaded, free if hasattr(loaded, free) else name)

    def run(inputs: Any, _owner: Any = loaded) -> Any:  # It owns the variables.
        return function(inputs)

    return run
