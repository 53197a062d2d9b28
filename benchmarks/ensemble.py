"""Compares the SavedModel of an ensemble of five with that of one network.

    python -m benchmarks.ensemble

WA-ResNet-50 at 224x224 with random weights. "start" is a process that imports
TensorFlow, loads the SavedModel and classifies one raw ROI; both models take turns.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

MEMBERS, TURNS, CALLS = 5, 5, 15

_START = """
import sys, time
start = time.perf_counter()
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
roi = tf.random.stateless_uniform((1, 224, 224, 1), (0, 1), 0, 256, tf.int32)
roi = tf.cast(roi, tf.uint8)
serve = model.signatures["serving_default"]
serve(roi=roi)["output_0"].numpy()
first, cpu = time.perf_counter(), time.process_time()
for _ in range(int(sys.argv[2])):
    serve(roi=roi)["output_0"].numpy()
one = (time.perf_counter() - first) / int(sys.argv[2])
(line,) = (x for x in open("/proc/self/status") if x.startswith("VmHWM:"))
print(first - start, cpu, 1000 * one, int(line.split()[1]) * 1024 / 1e6)
"""
CASES = ("start, s", "start, CPU s", "one ROI, ms", "peak memory, MB")


def export(folder: Path) -> dict[str, Path]:
    """Exports one network and an ensemble; returns the SavedModels by name."""
    from keras_wa.cli.starting import start_keras

    start_keras()
    import keras
    import tensorflow as tf

    from keras_wa.export.convolutions import for_cpu
    from keras_wa.export.folding import fold
    from keras_wa.export.guard import guarded
    from keras_wa.export.preparation import Preprocessing
    from keras_wa.export.saved_model import serving_model
    from keras_wa.export.saving import save_functions
    from keras_wa.models import create_model
    from keras_wa.models.ensemble import join

    networks = []
    for seed in range(MEMBERS):
        keras.utils.set_random_seed(seed)
        networks.append(create_model("wa_resnet50"))
    models = {"one": networks[0], "ensemble": join(networks, [1.0] * MEMBERS)}
    signature = tf.TensorSpec((None, None, None, 1), tf.uint8, "roi")
    for name, model in models.items():
        whole = serving_model(for_cpu(fold(model)), Preprocessing())
        save_functions(whole, folder / name, signature, guard=guarded)
    return {name: folder / name for name in models}


def started(path: Path) -> list[float]:
    """Returns the `CASES` of a process of its own."""
    words = [sys.executable, "-c", _START, str(path), str(CALLS)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        paths = export(Path(folder))
        size = {
            name: sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
            for name, path in paths.items()
        }
        turns = [{n: started(path) for n, path in paths.items()} for _ in range(TURNS)]
    one, ensemble = (size[name] / 1e6 for name in ("one", "ensemble"))
    print(f"size, MB: one {one:.1f}, ensemble {ensemble:.1f}, x{ensemble / one:.3f}")
    for i, case in enumerate(CASES):
        pairs = [(turn["one"][i], turn["ensemble"][i]) for turn in turns]
        alone, together = (statistics.median(each) for each in zip(*pairs, strict=True))
        ratio = statistics.median(b / a for a, b in pairs)
        print(f"{case}: one {alone:.4g}, ensemble {together:.4g}, x{ratio:.2f}")
