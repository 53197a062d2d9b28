"""A journal of finished rows, to resume an interrupted `prepare`."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class Journal:
    """A file with one line for each finished row: `done`, row -> its result.

    `fresh` discards the records of an earlier run. A truncated line is ignored, so that
    its row is repeated. Use it as a context manager.
    """

    def __init__(self, path: Path, fresh: bool = False) -> None:
        if fresh:
            path.unlink(missing_ok=True)
        self.done: dict[int, dict[str, Any]] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                with contextlib.suppress(ValueError):
                    row, outcome = json.loads(line)
                    self.done[row] = outcome
        self._file = path.open("a", encoding="utf-8")
        # Ends a truncated line; an empty line is ignored.
        self._file.write("\n")

    def __enter__(self) -> Journal:
        """Returns the journal."""
        return self

    def __exit__(self, *error: object) -> None:
        """Closes the file."""
        self._file.close()

    def add(self, rows: Iterable[tuple[int, dict[str, Any]]]) -> None:
        """Writes rows with their results and syncs them to the disk."""
        added = dict(rows)
        self.done |= added
        self._file.writelines(
            json.dumps([row, outcome], ensure_ascii=False) + "\n"
            for row, outcome in added.items()
        )
        self._file.flush()
        os.fsync(self._file.fileno())
