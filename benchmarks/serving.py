"""The exported SavedModel against onnxruntime and PyTorch, on one ROI and on 32.

    python -m benchmarks.serving

WA-ResNet-50 at 224x224 with random weights. "network" is the classifier alone on ROIs
in [0, 1]; onnxruntime runs the same Keras model converted by tf2onnx. "everything" is
what `train.py` exports: raw 8-bit ROIs in, resizing and CLAHE inside.
"""

from __future__ import annotations

import functools
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
    "onnxruntime": onnxruntime,
    "PyTorch": pytorch,
    "PyTorch, channels last": lambda: pytorch(channels_last=True),
}

if __name__ == "__main__":
    found = compare("benchmarks.serving", WORKERS)
    if found is not None:
        print_table("The exported model, 224x224", found, "keras_wa")
