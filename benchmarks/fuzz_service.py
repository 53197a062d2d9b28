"""Sends damaged uploads to a `keras-wa serve` process.

    python -m benchmarks.fuzz_service --files 10000 --seed 0

PNG, JPEG, TIFF, BMP, PGM and DICOM files of every transfer syntax, small, are damaged
at random and sent as forms and as JSON; so are the forms and the JSON themselves.
Whatever the damage, the answer has to be a record, or a status from 400 to 422 with one
line that says why, within 5 s. The process has to live on, with nothing new in its
working directory and its folder for temporary files, no file left open, no traceback on
stderr, and no more than 100 MB of memory more than after a tenth of the uploads. Each
failure is written to `--keep`. Ends with 1 if there was one.
"""

from __future__ import annotations

import argparse
import collections
import http.client
import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.served import Served, served
from keras_wa.cli.starting import start_keras
from keras_wa.progress import showing_progress, track
from tests.server.hostile import ALLOWED, FORM, Upload, form, mangle, whole_uploads

SECONDS, MEGABYTES = 5.0, 100.0


@showing_progress()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cwd, tmp = Path(folder) / "cwd", Path(folder) / "tmp"
        for each in (cwd, tmp):
            each.mkdir()
        model = Path(folder) / "model.keras"
        _write_model(model)
        files = whole_uploads(Path(folder))
        with served(model, cwd=cwd, tmp=tmp) as service:
            before = _listing(cwd, tmp)
            client = Client(service.port)
            for name, contents in files.items():
                for data in contents:
                    whole = Upload(name, "/predict", FORM, form(data))
                    if (found := client.send(whole)[0]) != 200:
                        sys.exit(f"A whole {name} file gave: {found}")
            failures = _fuzz(client, files, service, args)
            if _listing(cwd, tmp) != before:
                print(f"Files left behind: {_listing(cwd, tmp) - before}")
                failures += 1
            code, seconds = service.terminate()
            print(f"SIGTERM to exit code {code}: {seconds:.1f} s")
        tracebacks = sum(line.startswith("Traceback") for line in service.errors)
        if tracebacks or code:
            print("".join(service.errors[-60:]))
    print(
        f"{args.files} uploads, {failures} failures, {tracebacks} tracebacks "
        f"(seed {args.seed})"
    )
    sys.exit(1 if failures or tracebacks or code else 0)


class Client:
    """Sends uploads on one connection, reopened if the service closes it."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def send(self, upload: Upload) -> tuple[int | str, float]:
        """Returns the status or the failure, and the seconds."""
        began = time.perf_counter()
        try:
            headers = {"Content-Type": upload.content_type}
            self._connection.request("POST", upload.path, upload.body, headers)
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return f"{type(error).__name__}: {error}", 0.0
        seconds = time.perf_counter() - began
        return _judged(answer.status, text), seconds


def _judged(status: int, text: bytes) -> int | str:
    if status not in ALLOWED:
        return f"{status}: {text[:200]!r}"
    try:
        found = json.loads(text)
    except ValueError:
        return f"no JSON: {text[:200]!r}"
    if status != 200 and (list(found) != ["error"] or "\n" in found["error"]):
        return f"no reason in one line: {text[:200]!r}"
    return status


def _fuzz(
    client: Client,
    files: dict[str, list[bytes]],
    service: Served,
    args: argparse.Namespace,
) -> int:
    """Sends all uploads. Returns the number of failures."""
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(
        collections.Counter
    )
    failures, slowest = 0, 0.0
    memory, opened = 0.0, 0.0
    for index in track(range(args.files), "Sending damaged uploads"):
        if index == args.files // 10:
            memory = service.megabytes()
            opened = service.metric("process_open_fds")
        upload = mangle(files, args.seed, index)
        outcome, seconds = client.send(upload)
        slowest = max(slowest, seconds)
        if seconds > SECONDS:
            outcome = f"{seconds:.0f} s"
        good = isinstance(outcome, int)
        counts[upload.kind.partition(",")[0]][str(outcome) if good else "FAILED"] += 1
        if not good:
            failures += 1
            args.keep.mkdir(exist_ok=True)
            (args.keep / f"{args.seed}-{index}").write_bytes(upload.body)
            print(f"{index} {upload.kind}: {outcome}", flush=True)
            if service.process.poll() is not None:
                sys.exit(f"The process has died:\n{''.join(service.errors[-60:])}")
    for name, outcomes in sorted(counts.items()):
        print(f"{name}: {dict(sorted(outcomes.items()))}")
    grown = service.megabytes() - memory
    more = service.metric("process_open_fds") - opened
    print(
        f"The slowest took {slowest:.1f} s; memory {memory:.0f} MB after a tenth, "
        f"{grown:+.0f} MB at the end; open files {more:+.0f}"
    )
    return failures + (grown > MEGABYTES) + (more > 2)


def _listing(*folders: Path) -> set[Path]:
    return {path for folder in folders for path in folder.rglob("*")}


def _write_model(path: Path) -> None:
    start_keras()
    from tests.tiny_model import tiny

    tiny().save(path)


if __name__ == "__main__":
    main()
