"""The exported SavedModel against onnxruntime and PyTorch, on one ROI and on 32.

    python -m benchmarks.serving

WA-ResNet-50 at 224x224 with random weights. "network" is the classifier alone on ROIs
in [0, 1]; onnxruntime runs the same Keras model converted by tf2onnx. "everything" is
what `train.py` exports: raw 8-bit ROIs in, resizing and CLAHE inside. "TensorFlow
alone" serves that as a client without keras_wa does, and gives the most memory that its
process held so far (Linux).
"""

from __future__ import annotations

import functools
import multiprocessing
import statistics
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.compare import Times, compare, print_table, timed

BATCHES = {1: 30, 32: 10}
_RNG = np.random.default_rng(0)


def _rois(batch: int) -> np.ndarray:
    return _RNG.random((batch, 224, 224, 1)).astype("float32")


def keras_wa() -> Times:
    from keras_wa.cli.shared import start_keras

    start_keras()
    import tensorflow as tf

    from keras_wa.models import create_model
    from keras_wa.serving.export import serving_model
    from keras_wa.serving.freezing import fold_batch_normalization, save_frozen
    from keras_wa.training.config import TrainConfig

    model = fold_batch_normalization(create_model("wa_resnet50"))
    times: Times = {}
    with tempfile.TemporaryDirectory() as folder:
        network, whole = Path(folder, "network"), Path(folder, "whole")
        shape = (None, 224, 224, 1)
        save_frozen(model, network, tf.TensorSpec(shape, tf.float32, "roi"))
        save_frozen(
            serving_model(model, TrainConfig()),
            whole,
            tf.TensorSpec((None, None, None, 1), tf.uint8, "roi"),
        )
        served = {
            "network": tf.saved_model.load(network),
            "everything": tf.saved_model.load(whole),
        }
    for batch, repeats in BATCHES.items():
        rois = _rois(batch)
        inputs = {
            "network": tf.constant(rois),
            "everything": tf.constant((255 * rois).astype("uint8")),
        }
        for name, loaded in served.items():
            times[f"{name}, batch of {batch}"] = timed(
                lambda f=loaded.serve, x=inputs[name]: f(x).numpy(), repeats
            )
    return times


def _export(folder: str) -> None:
    from keras_wa.cli.shared import start_keras

    start_keras()
    import tensorflow as tf

    from keras_wa.models import create_model
    from keras_wa.serving.export import serving_model
    from keras_wa.serving.freezing import fold_batch_normalization, save_frozen
    from keras_wa.serving.guard import guarded
    from keras_wa.training.config import TrainConfig

    model = fold_batch_normalization(create_model("wa_resnet50"))
    signature = tf.TensorSpec((None, None, None, 1), tf.uint8, "roi")
    whole = serving_model(model, TrainConfig())
    save_frozen(whole, Path(folder), signature, guard=guarded)


def _peak() -> float:
    """The most resident memory that this process held so far, in MB (Linux)."""
    # `getrusage` would count what the process was before `exec`.
    (line,) = (
        line
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmHWM:")
    )
    return int(line.split()[1]) * 1024 / 1e6


def tensorflow_alone() -> Times:
    with tempfile.TemporaryDirectory() as folder:
        spawn = multiprocessing.get_context("spawn")
        exporting = spawn.Process(target=_export, args=(folder,))
        exporting.start()
        exporting.join()
        import tensorflow as tf

        memory = {"TensorFlow imported, MB": [_peak()]}
        # What is loaded owns what the signature needs.
        loaded = tf.saved_model.load(folder)
        served = loaded.signatures["serving_default"]
    memory["loaded, MB"] = [_peak()]
    times: Times = {}
    for batch, repeats in BATCHES.items():
        rois = tf.constant((255 * _rois(batch)).astype("uint8"))
        served(roi=rois)["output_0"].numpy()
        memory[f"a batch of {batch} classified, MB"] = [_peak()]
        times[f"everything, batch of {batch}, ms"] = timed(
            lambda x=rois: served(roi=x)["output_0"].numpy(), repeats
        )
    return {**times, **memory}


def onnxruntime() -> Times:
    import onnxruntime
    import tensorflow as tf
    import tf2onnx

    from keras_wa.models import create_model

    model = create_model("wa_resnet50")
    signature = [tf.TensorSpec((None, 224, 224, 1), tf.float32, "roi")]
    infer = tf.function(
        lambda roi: model(roi, training=False), input_signature=signature
    )
    onnx, _ = tf2onnx.convert.from_function(infer, signature, opset=17)
    session = onnxruntime.InferenceSession(onnx.SerializeToString())
    return {
        f"network, batch of {batch}": timed(
            functools.partial(session.run, None, {"roi": _rois(batch)}), repeats
        )
        for batch, repeats in BATCHES.items()
    }


def pytorch(channels_last: bool = False) -> Times:
    import torch

    from benchmarks.torch_models import ResNet50

    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = ResNet50(wavelet=True).eval().to(memory_format=layout)
    times: Times = {}
    with torch.inference_mode():
        for batch, repeats in BATCHES.items():
            rois = torch.rand(batch, 1, 224, 224).to(memory_format=layout)
            times[f"network, batch of {batch}"] = timed(
                lambda x=rois: model(x), repeats
            )
    return times


WORKERS = {
    "keras_wa": keras_wa,
    "TensorFlow alone": tensorflow_alone,
    "onnxruntime": onnxruntime,
    "PyTorch": pytorch,
    "PyTorch, channels last": lambda: pytorch(channels_last=True),
}

if __name__ == "__main__":
    found = compare("benchmarks.serving", WORKERS)
    if found is not None:
        alone = found.pop("TensorFlow alone", {})
        if found:
            print_table("The exported model, 224x224", found, "keras_wa")
        for case, values in alone.items():
            print(f"TensorFlow alone, {case}: {statistics.median(values):.4g}")
