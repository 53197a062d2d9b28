"""Makes the tiny model and its finished run known to the tests of this folder."""

from __future__ import annotations

from tests.cli.conftest import error_of
from tests.inference.conftest import (
    exported,
    finished,
    float32,
    store_dir,
    tiny_model,
)

__all__ = ["error_of", "exported", "finished", "float32", "store_dir", "tiny_model"]
