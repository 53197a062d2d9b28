"""The private parts of TensorFlow that this package uses; they work with 2.20 and 2.21.

Each is None where another version of TensorFlow lacks it. What uses it then takes a
public path: weights of an export stay variables, a SavedModel is loaded by TensorFlow
alone, a FLOP count is NaN where it would be wrong, and a training keeps its memory.
"""

from __future__ import annotations

import importlib
from typing import Any


def _private(module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(f"tensorflow.python.{module}"), name)
    except (ImportError, AttributeError):
        return None


convert_variables_to_constants = _private(
    "framework.convert_to_constants", "convert_variables_to_constants_v2"
)
function_def_to_graph_def = _private(
    "framework.function_def_to_graph", "function_def_to_graph_def"
)
function_from_graph_def = _private("eager.wrap_function", "function_from_graph_def")
gradient_registry: dict[str, Any] | None = getattr(
    _private("framework.ops", "gradient_registry"), "_registry", None
)
op_stats = _private("framework.ops", "OpStats")
register_statistics = _private("framework.ops", "RegisterStatistics")
save_context = _private("saved_model.save_context", "save_context")
