"""Memory of what `keras-wa predict --ray --csv` does with very many files.

    python -m benchmarks.many_files --files 1000000

The files are links to a few ROIs of 32x32 pixels, so that finding, sorting and writing
are what they are for a million ROIs. The network is a stand-in that counts them. Of
each block the first file is read, to save half an hour; the others get its probability.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import os
import resource
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from keras_wa.cluster.session import connected
from keras_wa.cluster.tasks import run_tasks
from keras_wa.data import ReadOptions
from keras_wa.data.pipeline.rois import Enhancement
from keras_wa.inference.classifier import Classifier
from keras_wa.inference.file_predictor import FilePredictor, in_order
from keras_wa.inference.predicting import BATCH, Prediction, Target
from keras_wa.inference.prediction_files import as_record, to_csv, write_text
from keras_wa.inference.prediction_journal import PredictionJournal
from keras_wa.inference.targets import expand, find_targets

_SOURCES, _IN_A_FOLDER, _SIDE = 64, 1000, 32


def make_files(folder: Path, count: int) -> None:
    """Fills a folder with links to a few random ROIs."""
    rng = np.random.default_rng(0)
    sources = [folder / f".{i}.png" for i in range(_SOURCES)]
    for source in sources:
        cv2.imwrite(str(source), rng.integers(0, 255, (_SIDE, _SIDE), np.uint8))
    for i in range(count):
        inner = folder / f"{i // _IN_A_FOLDER:04d}"
        if i % _IN_A_FOLDER == 0:
            inner.mkdir()
        os.link(sources[i % _SOURCES], inner / f"{i % _IN_A_FOLDER:03d}.png")


class Counting(FilePredictor):
    """Counts ROIs, and notes the memory of its process in a file of `model`."""

    @functools.cached_property
    def classifier(self) -> Classifier:
        """A stand-in."""
        return Classifier(
            source=Path(self.model),
            image_size=_SIDE,
            labels=("benign", "malignant"),
            trained_on="nothing",
            crop="fixed",
            field_mm=25.6,
            bits_stored=None,
            decision=None,
            notes=(),
            enhancement=Enhancement(kind="none"),
            serve=self.mean_of,
        )

    def __call__(self, files: list[Target]) -> list[list[Prediction]]:
        """Returns the predictions of each file, of which the first is read."""
        (first,) = super().__call__(files[:1])[0]
        path = Path(self.model, str(os.getpid()))
        before = int(path.read_text().split()[0]) if path.exists() else 0
        path.write_text(f"{before + len(files)} {peak_mb():.0f}")
        return [[dataclasses.replace(first, target=file)] for file in files]

    def mean_of(self, rois: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Returns a probability for each ROI."""
        mean = np.asarray(rois).mean(axis=(1, 2)) / 255
        return np.concatenate([1 - mean, mean], axis=1)


def peak_mb() -> float:
    """Returns the highest memory of this process, megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Prints memory and times."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.many_files",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--files", type=int, default=1_000_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for inner in ("rois", "workers", "journal"):
            (root / inner).mkdir()
        make_files(root / "rois", args.files)
        before, begin = peak_mb(), time.perf_counter()
        targets = expand([str(root / "rois")])
        took = time.perf_counter() - begin
        print(f"{len(targets)} files are found in {took:.0f} s; the list needs "
              f"{peak_mb() - before:.0f} MB", flush=True)  # fmt: skip
        work = Counting(
            model=str(root / "workers"),
            find=functools.partial(find_targets, kind="roi"),
            options=ReadOptions(),
            tta=1,
            pixels=False,
        )
        begin = time.perf_counter()
        files = [each.file for each in targets]
        with connected(None), PredictionJournal(root / "journal", {}, files) as journal:
            results: Iterable[Prediction] = in_order(
                targets, run_tasks(work, targets, block=BATCH, reuse=True)
            )
            for each in results:
                journal.add(each.target.file, [as_record(each)])
                if journal.done % (-(-args.files // 20)) == 0:
                    took = time.perf_counter() - begin
                    print(
                        f"{journal.done}, {took:.0f} s: {peak_mb():.0f} MB", flush=True
                    )
            took = time.perf_counter() - begin
            write_text(root / "out.csv", to_csv(journal.records()))
        with (root / "out.csv").open() as file:
            rows = sum(1 for _ in file) - 1
        print(f"{rows} rows; {args.files / took:.0f} files/s; the command needs "
              f"{peak_mb():.0f} MB", flush=True)  # fmt: skip
        workers = [path.read_text().split() for path in (root / "workers").iterdir()]
        print("ROIs and MB of each worker:", "; ".join(map(" ".join, workers)))
        assert sum(int(count) for count, _ in workers) == rows == args.files


if __name__ == "__main__":
    # Under its own name, by which the workers import the stand-in.
    from benchmarks import many_files

    many_files.main()
