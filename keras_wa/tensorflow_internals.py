"""The private parts of TensorFlow that this package uses; they work with 2.20 and 2.21.

Each is None where another version of TensorFlow lacks it. Then a FLOP count is NaN
where it would be wrong, a training keeps its memory, and a SavedModel has its constants
twice.
"""

from __future__ import annotations

import importlib
from typing import Any


def _private(module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(f"tensorflow.python.{module}"), name)
    except (ImportError, AttributeError):
        return None


gradient_registry: dict[str, Any] | None = getattr(
    _private("framework.ops", "gradient_registry"), "_registry", None
)
op_stats = _private("framework.ops", "OpStats")
register_statistics = _private("framework.ops", "RegisterStatistics")
save_context = _private("saved_model.save_context", "save_context")
