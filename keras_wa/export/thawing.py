"""Reads a SavedModel with its weights beside the graph, and not as constants in it."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework.attr_value_pb2 import NameAttrList
from tensorflow.core.framework.function_pb2 import FunctionDef
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.python.eager.wrap_function import function_from_graph_def
from tensorflow.python.framework.function_def_to_graph import (
    function_def_to_graph_def,
)

Functions = Mapping[str, FunctionDef]

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
# What is smaller is no weight; an op may need it as a constant, such as a shape.
_LEAST_BYTES = 1024


def load_thawed(path: Path) -> Callable[[Any], Any]:
    """Reads the function `serve` of a SavedModel that `save_frozen` wrote.

    Whenever TensorFlow reads, inlines, optimises or splits a graph it copies it, and
    the constants in it: until WA-ResNet-50 has classified its first batch, that takes
    2.2 GB and 4.8 CPU seconds. With the weights as arguments it takes 0.3 GB and 2.0 s,
    and the outputs are the same. The price is that each call arranges the weights for
    the processor anew: 9 ms of 43 for one ROI, 27 of 822 for 32.

    Args:
        path: the directory.

    Returns:
        From the function's input to its output. Of a SavedModel of another make it is
        what TensorFlow reads.

    Raises:
        OSError: a file cannot be read.
        ValueError: it is no SavedModel, or a part of it is missing.
    """
    saved = SavedModel()
    try:
        saved.ParseFromString((path / "saved_model.pb").read_bytes())
        for meta in saved.meta_graphs:
            library = {
                each.signature.name: each for each in meta.graph_def.library.function
            }
            body = _body(meta, library)
            if body is not None:
                return _with_arguments(body, library, meta.graph_def)
    except DecodeError as error:
        raise ValueError(f"saved_model.pb: {error}") from error
    except KeyError as error:
        raise ValueError(f"saved_model.pb: no function {error}") from error
    return unchecked(load_saved_model(path), "serve")


def load_saved_model(path: Path) -> Any:
    """Reads a SavedModel as TensorFlow does, whatever characters its path has.

    TensorFlow takes the path for a pattern, and finds no file under `x[1]`. So it is
    given a link of a plain name.

    Args:
        path: the directory.

    Raises:
        OSError, ValueError, tf.errors.OpError: it cannot be read.
    """
    if not set("*?[\\") & set(str(path)):
        return tf.saved_model.load(str(path))
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder, "model")
        link.symlink_to(path.absolute(), target_is_directory=True)
        return tf.saved_model.load(str(link))


def unchecked(loaded: Any, name: str) -> Callable[[Any], Any]:
    """A function of what `tf.saved_model.load` gives, without its guard.

    Args:
        loaded: a SavedModel of `save_frozen`. Older ones have no guards.
        name: of the function.
    """
    free = f"{name}_unchecked"
    name = free if hasattr(loaded, free) else name
    # What is loaded owns the variables, which the function alone would let go.
    return lambda inputs: getattr(loaded, name)(inputs)


def _body(meta: MetaGraphDef, library: Functions) -> FunctionDef | None:
    """The function behind `serve`, where there is one without state and guard."""
    objects = meta.object_graph_def.nodes
    named = {each.local_name: objects[each.node_id] for each in objects[0].children}
    found = named.get("serve_unchecked", named.get("serve"))
    if found is None or len(found.function.concrete_functions) != 1:
        return None
    body = library[found.function.concrete_functions[0]]
    # One that does nothing but call another has a call and an identity.
    while len(body.node_def) <= 2:
        calls = [node for node in body.node_def if node.op in _CALLS]
        if len(calls) != 1:
            break
        body = library[calls[0].attr["f"].func.name]
    if len(body.signature.input_arg) != 1 or len(body.signature.output_arg) != 1:
        return None
    return body


def _with_arguments(
    body: FunctionDef, library: Functions, graph: GraphDef
) -> Callable[[Any], Any]:
    weights = dict(_taken_out(body.node_def))
    used = GraphDef(versions=graph.versions)
    used.library.function.extend(_used(body, library))
    with tf.Graph().as_default():
        # Where the functions that its loops name are looked up.
        tf.graph_util.import_graph_def(used, name="")
        alone, names = function_def_to_graph_def(body)
    alone.library.CopyFrom(used.library)
    (argument,), (result,) = body.signature.input_arg, body.signature.output_arg
    output = names[body.ret[result.name]]
    serve: Callable[[Any], Any] = function_from_graph_def(
        alone, f"{argument.name}:0", output, weights
    )
    return serve


def _taken_out(nodes: Iterable[NodeDef]) -> Iterator[tuple[str, tf.Tensor]]:
    """Makes placeholders of the weights. Yields name and value of each."""
    for node in nodes:
        value = node.attr["value"].tensor if node.op == "Const" else None
        if value is None or len(value.tensor_content) < _LEAST_BYTES:
            continue
        weight = tf.constant(tf.make_ndarray(value))
        node.op = "Placeholder"
        node.attr["shape"].shape.CopyFrom(value.tensor_shape)
        del node.attr["value"]
        yield node.name, weight


def _used(body: FunctionDef, library: Functions) -> list[FunctionDef]:
    """The functions that a function names, and those that they name, renamed."""
    # TensorFlow keeps functions by name, and may have others of the same.
    suffix = uuid.uuid4().hex
    found: dict[str, FunctionDef] = {}
    waiting = [body]
    while waiting:
        for each in _named_by(waiting.pop()):
            if each.name not in found:
                function = found[each.name] = library[each.name]
                function.signature.name += suffix
                waiting.append(function)
            each.name += suffix
    return list(found.values())


def _named_by(function: FunctionDef) -> Iterator[NameAttrList]:
    """Where the nodes of a function name others."""
    for node in function.node_def:
        for attr in node.attr.values():
            yield from (each for each in (attr.func, *attr.list.func) if each.name)
