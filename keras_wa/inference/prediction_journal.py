"""The records of classified files, kept in a folder until all are there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

_NAME = "journal.jsonl"


class PredictionJournal:
    """A file with a line for each classified file, to resume an interrupted job.

    The records of another job are discarded, and so are those from the first file on
    that has changed, or is another one, since they were written.

    Args:
        folder: an existing folder, locked by the caller.
        settings: all that the records depend on beside the files, as JSON values.
        files: the files of the job, in their order.
        multiple: number of files of a batch; a batch that is not complete is repeated,
            so that every batch is that of an uninterrupted job.

    Attributes:
        done: number of files that have records.
        count: number of their records.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        files: Sequence[Path],
        multiple: int = 1,
    ) -> None:
        text = json.dumps(settings, sort_keys=True, default=str)
        head = f"{hashlib.sha256(text.encode()).hexdigest()}\n".encode()
        path = folder / _NAME
        self.done = self.count = 0
        size = 0
        if path.exists():
            with path.open("rb") as file:
                if file.readline() == head:
                    size = self._read(file, files, multiple)
        self._path = path
        self._file = path.open("r+b" if size else "w+b")
        self._file.truncate(size)
        self._file.seek(size)
        if not size:
            self._file.write(head)

    def _read(self, file: Any, files: Sequence[Path], multiple: int) -> int:
        """Counts what can be kept. Returns its size, bytes."""
        kept = [(file.tell(), 0)]  # Size and number of records after each batch.
        count = 0
        for done, (name, line) in enumerate(zip(files, file, strict=False), 1):
            if not line.endswith(b"\n"):  # Truncated.
                break
            facts, records = json.loads(line)
            if facts != _facts(name):
                break
            count += len(records)
            if done % multiple == 0:
                kept.append((file.tell(), count))
        self.done = (len(kept) - 1) * multiple
        size, self.count = kept[-1]
        return size

    def add(self, file: Path, records: Sequence[Mapping[str, Any]]) -> None:
        """Writes the records of the next file."""
        line = json.dumps([_facts(file), records], allow_nan=False)
        self._file.write(f"{line}\n".encode())
        # For a process that is killed; after a crash of the system the file is shorter.
        self._file.flush()
        self.done += 1
        self.count += len(records)

    def records(self) -> Iterator[dict[str, Any]]:
        """Yields all records."""
        self._file.seek(0)
        self._file.readline()
        for line in self._file:
            yield from json.loads(line)[1]

    def remove(self) -> None:
        """Removes the file."""
        self._path.unlink()

    def __enter__(self) -> PredictionJournal:
        """Returns the journal."""
        return self

    def __exit__(self, *error: object) -> None:
        """Closes the file."""
        self._file.close()


def _facts(file: Path) -> list[Any]:
    """Returns what changes when a file changes."""
    try:
        found = os.stat(file)
    except OSError:
        return [str(file), None, None]
    return [str(file), found.st_size, found.st_mtime_ns]
