"""Decodes damaged DICOM files in monitored processes.

    python -m benchmarks.fuzz_dicom --files 5000 --seed 0

Files of every transfer syntax, small phantoms and parts of real mammograms, are damaged
at random and decoded. Whatever the damage, the outcome has to be an image or one
`UserError`: no crash, no other exception, no more than 5 s of processor time, no more
than 2 GB, nothing on stderr. Each failure is written to `--keep`. Ends with 1 if there
was one.
"""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import resource
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from keras_wa.cli.starting import quiet_decoders
from keras_wa.progress import showing_progress, track
from tests.data.io.fuzzing import damage, whole_files

SECONDS, MEGABYTES = 5.0, 2048


@quiet_decoders()  # As in every command.
def worker(connection: Connection, errors: str) -> None:
    """Decodes the data it receives; answers with outcome, seconds and peak memory."""
    import os

    from keras_wa.data.io.dicom import decode_dicom
    from keras_wa.errors import UserError

    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    while True:
        data = connection.recv_bytes()
        start = time.process_time()
        try:
            decode_dicom(data, "x.dcm").grey()
            outcome = "image"
        except UserError as error:
            outcome = "one line" if "\n" not in str(error) else "several lines"
        except BaseException as error:
            outcome = f"{type(error).__name__}: {error}"
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        connection.send((outcome, time.process_time() - start, memory))


class Decoder:
    """A decoding process that is restarted if it dies or hangs."""

    def __init__(self, folder: Path) -> None:
        self.errors = folder / "stderr"
        self.errors.touch()
        self.start()

    def start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self.process = context.Process(
            target=worker, args=(other, str(self.errors)), daemon=True
        )
        self.process.start()
        other.close()

    def decode(self, data: bytes) -> tuple[str, float]:
        """Returns the outcome (`image`, `one line` or the failure) and the seconds."""
        self.connection.send_bytes(data)
        printed = self.errors.stat().st_size
        try:
            if not self.connection.poll(12 * SECONDS):
                raise TimeoutError
            outcome, seconds, memory = self.connection.recv()
        except (EOFError, OSError) as error:
            self.process.kill()
            self.process.join()
            self.start()
            hung = isinstance(error, TimeoutError)
            return ("hang" if hung else "crash"), 0.0
        if seconds > SECONDS:
            outcome = f"{seconds:.0f} s"
        elif memory > MEGABYTES:
            outcome = f"{memory} MB"
        elif self.errors.stat().st_size > printed:
            outcome = "printed on stderr"
        return outcome, seconds


@showing_progress()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sources = whole_files(Path(folder), real=True)
        decoder = Decoder(Path(folder))
        everything = [data for files in sources.values() for data in files]
        for data in everything:
            if (outcome := decoder.decode(data)[0]) != "image":
                sys.exit(f"A whole file gave: {outcome}")
        counts: dict[str, collections.Counter[str]] = collections.defaultdict(
            collections.Counter
        )
        failures, slowest = 0, 0.0
        names = sorted(sources)
        for index in track(range(args.files), "Decoding damaged files"):
            rng = np.random.default_rng([args.seed, index])
            syntax = names[index % len(names)]
            files = sources[syntax]
            data = files[rng.integers(len(files))]
            other = everything[rng.integers(len(everything))]
            kind, damaged = damage(data, other, rng)
            outcome, seconds = decoder.decode(damaged)
            slowest = max(slowest, seconds)
            good = outcome in ("image", "one line")
            counts[syntax][outcome if good else "FAILED"] += 1
            if not good:
                failures += 1
                args.keep.mkdir(exist_ok=True)
                (args.keep / f"{args.seed}-{index}.dcm").write_bytes(damaged)
                print(f"{index} {syntax}, {kind}: {outcome}", flush=True)
    for syntax, outcomes in counts.items():
        print(f"{syntax}: {dict(outcomes)}")
    print(
        f"{args.files} files, {failures} failures, the slowest took {slowest:.1f} s "
        f"(seed {args.seed})"
    )
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
