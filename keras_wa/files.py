"""Files that are either the old ones or the new ones, never half of each."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path to write, and renames it to `path` at the end.

    The temporary name is in the same folder and keeps the suffix, by which Keras and
    OpenCV choose a format. It is removed if the body fails.
    """
    partial = path.with_name(f".{os.getpid()}.partial-{path.name}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Writes readable JSON atomically; NaN is an error, since JSON has none."""
    text = json.dumps(record, indent=2, allow_nan=False) + "\n"
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")
