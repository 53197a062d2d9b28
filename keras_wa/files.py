"""Files that are either the old ones or the new ones, never half of each."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path to write, and renames it to `path` at the end.

    The temporary name is in the same folder and keeps the suffix, by which Keras and
    OpenCV choose a format. It is removed if the body fails.

    Args:
        path: the file or folder to write. An older file is replaced by a file, an older
            folder by a folder.

    Yields:
        A path that does not exist yet, for the body to write a file or a folder to.
    """
    partial = path.with_name(f".{os.getpid()}.partial-{path.name}")
    _remove(partial)  # A killed process may have had the same number.
    try:
        yield partial
        if partial.is_dir() and path.is_dir():
            shutil.rmtree(path)  # A folder cannot be renamed to one with content.
        os.replace(partial, path)
    finally:
        _remove(partial)


def remove_partials(folder: Path) -> None:
    """Removes what a killed process left half-written in a folder by `replacing`."""
    for partial in folder.glob(".*.partial-*"):
        _remove(partial)


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Writes readable JSON atomically; NaN is an error, since JSON has none."""
    text = json.dumps(record, indent=2, allow_nan=False) + "\n"
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
