"""Compares `keras-wa predict` on a folder of ROIs with its bare SavedModel.

    python -m benchmarks.predicting
    python -m benchmarks.predicting --run runs/NAME

A thousand phantom ROIs of 224x224 are written as PNG files and classified by `keras-wa
predict MODEL FOLDER --tta 1 --csv ...` in a process of its own, on a terminal of
its own. What the same takes for the first batch alone, which is the start, is taken
off. The bare SavedModel gets the same ROIs as arrays, in batches of as many, two of
them at once, in this process. The two take turns. Without `--run` the model is
WA-ResNet-50 with random weights, and no decision is known; a run has one, and each ROI
is compared with what it was trained on.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

_RUN = "import sys; from keras_wa.cli import main; sys.exit(main(sys.argv[1:]))"
_BATCH = 32
_DRAWN = 40


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = folder / "model" if args.run is None else args.run / "saved_model"
        if args.run is None:
            _write_model(model, args.size)
        rois = _write_rois(folder, args.files, args.size)
        bare = _bare(model, rois)
        bars, rates = [], []
        for _ in range(args.repeats):
            start = _predict(model, folder / "first", folder)[0]
            whole, bar = _predict(model, folder / "rois", folder)
            own = (args.files - _BATCH) / (whole - start)
            rates.append((own, args.files / bare()))
            bars.append(bar)
    print(f"\n### predict, {args.files} ROIs of {args.size}x{args.size}\n")
    own, other = map(statistics.median, zip(*rates, strict=True))
    share = statistics.median(one / two for one, two in rates)
    print(f"- keras-wa predict, after its first batch: {own:.1f} ROIs/s")
    print(f"- the bare SavedModel, two batches of {_BATCH} at once: {other:.1f} ROIs/s")
    print(f"- predict reaches {share:.0%} of it (median of the pairs; target: 90 %)")
    print(f"- on a terminal a progress bar is seen: {all(bars)}")


def _write_model(path: Path, size: int) -> None:
    from keras_wa.cli.starting import start_keras

    start_keras()
    import tensorflow as tf

    from keras_wa.export.convolutions import for_cpu
    from keras_wa.export.folding import fold
    from keras_wa.export.preparation import Preprocessing
    from keras_wa.export.saved_model import serving_model
    from keras_wa.export.saving import save_functions
    from keras_wa.models import create_model
    from keras_wa.training.config import TrainConfig

    config = TrainConfig(image_size=size)
    network = for_cpu(fold(create_model("wa_resnet50", image_size=size)))
    signature = tf.TensorSpec((None, None, None, 1), tf.uint8, "roi")
    save_functions(
        serving_model(network, Preprocessing.of_config(config)), path, signature
    )
    card = {
        "trained_on": "unknown",
        "labels": ["benign", "malignant"],
        "decision": None,
        "inside": {
            "resize": [size, size],
            "enhance": config.enhance,
            "clip_limit": config.clip_limit,
            "tiles": config.tiles,
        },
    }
    (path / "assets.extra").mkdir(exist_ok=True)
    (path / "assets.extra" / "keras_wa.json").write_text(json.dumps(card))


def _write_rois(folder: Path, count: int, size: int) -> np.ndarray:
    from keras_wa.phantom import PhantomSpec, phantom_cases, render_rois

    spec = PhantomSpec(size=size)
    drawn = np.asarray(render_rois(spec, phantom_cases(spec, n=_DRAWN)[:_DRAWN]))
    # Drawing all takes minutes; the others are shifted and mirrored copies.
    rois = np.stack(
        [
            np.roll(drawn[i % _DRAWN], i // _DRAWN, axis=i % 2)[:: 1 - 2 * (i % 3 % 2)]
            for i in range(count)
        ]
    )
    for name, part in (("rois", rois), ("first", rois[:_BATCH])):
        (folder / name).mkdir()
        for i, roi in enumerate(part):
            cv2.imwrite(str(folder / name / f"{i:05}.png"), roi)
    return rois


def _bare(model: Path, rois: np.ndarray) -> Callable[[], float]:
    """Returns a function that classifies all ROIs and returns the seconds."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(model))
    batches = [rois[i : i + _BATCH, ..., None] for i in range(0, len(rois), _BATCH)]

    def classify() -> float:
        began = time.perf_counter()
        with ThreadPoolExecutor(2) as pool:
            list(
                pool.map(lambda each: loaded.serve(tf.constant(each)).numpy(), batches)
            )
        return time.perf_counter() - began

    loaded.serve(tf.constant(batches[0])).numpy()
    return classify


def _predict(model: Path, files: Path, folder: Path) -> tuple[float, bool]:
    """Returns the command's seconds, and whether its terminal showed a bar."""
    words = ["predict", str(model), str(files), "--tta", "1"]
    ours, theirs = pty.openpty()
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", _RUN, *words, "--csv", str(folder / "out.csv")],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    os.close(theirs)
    shown = b""
    try:
        while data := os.read(ours, 4096):
            shown += data
    except OSError:
        pass  # A terminal ends this way when its other end is closed.
    finally:
        os.close(ours)
    if process.wait():
        sys.exit(shown.decode(errors="replace"))
    seconds = time.perf_counter() - began
    lines = (folder / "out.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(list(files.iterdir())) + 1
    return seconds, "Predicting" in shown.decode(errors="replace")


if __name__ == "__main__":
    main()
