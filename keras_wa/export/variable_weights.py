"""Loads a SavedModel with its constants as variables."""

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

from keras_wa import tensorflow_internals as internals

Functions = Mapping[str, FunctionDef]

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
# Smaller constants are not weights; ops may need them as constants, such as shapes.
_LEAST_BYTES = 1024


def load_with_variables(path: Path) -> Callable[[Any], Any]:
    """Loads the function `serve` of a SavedModel from `save_frozen`.

    TensorFlow copies a graph with its constants whenever it reads, inlines, optimises
    or splits it: until WA-ResNet-50 has classified its first batch, that takes 2.2 GB
    and 4.8 CPU seconds. With the weights as arguments it takes 0.3 GB and 2.0 s, with
    the same outputs. In exchange, each call prepares the weights for the processor:
    9 ms of 43 for one ROI, 27 of 822 for 32.

    For other SavedModels, returns the function that TensorFlow loads. An unreadable one
    raises OSError or ValueError.
    """
    saved = SavedModel()
    try:
        saved.ParseFromString((path / "saved_model.pb").read_bytes())
        for meta in saved.meta_graphs:
            library = {
                each.signature.name: each for each in meta.graph_def.library.function
            }
            body = _body(meta, library)
            if body is not None and None not in (
                internals.function_def_to_graph_def,
                internals.function_from_graph_def,
            ):
                return _with_arguments(body, library, meta.graph_def)
    except DecodeError as error:
        raise ValueError(f"saved_model.pb: {error}") from error
    except KeyError as error:
        raise ValueError(f"saved_model.pb: no function {error}") from error
    return unchecked(load_saved_model(path), "serve")


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
    name = free if hasattr(loaded, free) else name
    # Keeps a reference to the loaded object, which owns the variables.
    return lambda inputs: getattr(loaded, name)(inputs)


def _body(meta: MetaGraphDef, library: Functions) -> FunctionDef | None:
    """Returns the function that `serve` calls, without state and guard, if any."""
    objects = meta.object_graph_def.nodes
    named = {each.local_name: objects[each.node_id] for each in objects[0].children}
    found = named.get("serve_unchecked", named.get("serve"))
    if found is None or len(found.function.concrete_functions) != 1:
        return None
    body = library[found.function.concrete_functions[0]]
    # A function that only calls another has a call and an identity.
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
        # Where the functions of its loops are looked up.
        tf.graph_util.import_graph_def(used, name="")
        alone, names = internals.function_def_to_graph_def(body)
    alone.library.CopyFrom(used.library)
    (argument,), (result,) = body.signature.input_arg, body.signature.output_arg
    output = names[body.ret[result.name]]
    serve: Callable[[Any], Any] = internals.function_from_graph_def(
        alone, f"{argument.name}:0", output, weights
    )
    return serve


def _taken_out(nodes: Iterable[NodeDef]) -> Iterator[tuple[str, tf.Tensor]]:
    """Replaces weights by placeholders; yields name and value of each."""
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
    """Returns the functions that a function uses, directly or not, renamed."""
    # TensorFlow keeps functions by name; other models may have the same names.
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
    """Returns the attributes of a function's nodes that name other functions."""
    for node in function.node_def:
        for attr in node.attr.values():
            yield from (each for each in (attr.func, *attr.list.func) if each.name)
