"""The records of classified files, kept in a folder until all are there."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_wa.errors import UserError

_NAME = "journal.jsonl"


class PredictionJournal:
    """A file with a line for each classified file, to resume an interrupted job.

    Records are discarded from the first file on that differs from the one that was
    classified.

    Args:
        folder: an existing folder, locked by the caller.
        settings: all that the records depend on beside the files, as JSON values.
        files: the files of the job, in their order.
        multiple: number of files of a batch. A batch that is not complete is repeated,
            so that files of one ROI are in the batches of an uninterrupted job.

    Attributes:
        done: number of files that have records.
        count: number of their records.
        good: number of files with a record that is no error.

    Raises:
        UserError: the folder has records of other settings.
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
        self._path = folder / _NAME
        self._begin = time.time_ns()
        self.done = self.count = self.good = 0
        size = 0
        if self._path.exists():
            with self._path.open("rb") as file:
                if file.readline() == head:
                    size = self._read(file, files, multiple)
                elif file.readline():
                    raise UserError(
                        f"{folder}: results of another model, or of other options, "
                        "that were interrupted. Give those to resume, name another "
                        "file, or remove the folder."
                    )
        self._file = self._path.open("r+b" if size else "w+b")
        self._file.truncate(size)
        self._file.seek(size)
        if not size:
            self._file.write(head)

    def _read(self, file: Any, files: Sequence[Path], multiple: int) -> int:
        """Counts what can be kept. Returns its size, bytes."""
        size = file.tell()
        count = good = 0
        for done, (name, line) in enumerate(zip(files, file, strict=False), 1):
            try:
                facts, records = json.loads(line)
            except ValueError:  # Truncated.
                break
            if facts != _facts(name) or not line.endswith(b"\n"):
                break
            count += len(records)
            good += _is_good(records)
            if done % multiple == 0:
                size = file.tell()
                self.done, self.count, self.good = done, count, good
        return size

    def add(self, file: Path, records: Sequence[Mapping[str, Any]]) -> None:
        """Writes the records of the next file."""
        facts = _facts(file)
        if facts[-1] is not None and facts[-1] >= self._begin:
            facts = []  # It may have changed after it was read: it is never kept.
        line = json.dumps([facts, records], allow_nan=False)
        self._file.write(f"{line}\n".encode())
        # For a process that is killed; after a crash of the system the file is shorter.
        self._file.flush()
        self.done += 1
        self.count += len(records)
        self.good += _is_good(records)

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


def _is_good(records: Sequence[Mapping[str, Any]]) -> bool:
    return any(not record["error"] for record in records)


def _facts(file: Path) -> list[Any]:
    """Returns what changes when a file changes; last the time of its last change."""
    path = os.path.abspath(file)
    try:
        found = os.stat(path)
    except OSError:
        return [path, None]
    return [path, found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns]
