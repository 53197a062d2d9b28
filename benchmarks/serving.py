"""Compares the exported SavedModel with onnxruntime and PyTorch, on one ROI and on 32.

    python -m benchmarks.serving

WA-ResNet-50 at 224x224 with random weights. "network" is the classifier alone on ROIs
in [0, 1]; onnxruntime runs the same Keras model converted by tf2onnx. "everything" is
what `train.py` exports: raw 8-bit ROIs in, resizing and CLAHE inside. "TensorFlow
alone" serves that as a client without keras_wa does, and gives the most memory that its
process held so far (Linux).

The second table has the grafts, whose maps are as large as those of SE-ResNet-50 at
224x224, by its time: the median ratio of calls in turns, with and without `fold_dwt`.
"""

from __future__ import annotations

import functools
import multiprocessing
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.compare import Times, compare, print_table, timed, timed_in_turns

BATCHES = {1: 30, 32: 10}
GRAFTS = {"field": 224, "detail": 448}
"""Graft of `wa_resnet50` -> side of its ROI."""

_RNG = np.random.default_rng(0)
_BY_SE = "by se_resnet50"
Classify = Callable[[np.ndarray], object]


def _rois(batch: int, side: int = 224) -> np.ndarray:
    return _RNG.random((batch, side, side, 1)).astype("float32")


def keras_wa() -> Times:
    from keras_wa.cli.starting import start_keras

    start_keras()
    import tensorflow as tf

    from keras_wa.export.convolutions import for_cpu
    from keras_wa.export.folding import fold
    from keras_wa.export.preparation import Preprocessing
    from keras_wa.export.saved_model import serving_model
    from keras_wa.models import create_model

    model = for_cpu(fold(create_model("wa_resnet50")))
    whole = serving_model(model, Preprocessing())
    served = {
        "network": _loaded(model),
        "everything": _loaded(whole, (None, None, None, 1), tf.uint8),
    }
    times: Times = {}
    for batch, repeats in BATCHES.items():
        rois = _rois(batch)
        inputs = {"network": rois, "everything": (255 * rois).astype("uint8")}
        for name, classify in served.items():
            times[f"{name}, batch of {batch}"] = timed(
                functools.partial(classify, inputs[name]), repeats
            )
    served.clear()
    return {**times, **_grafts(lambda model: _loaded(for_cpu(model)))}


def _loaded(model: Any, shape: Any = None, dtype: Any = "float32") -> Classify:
    """Exports a model as a SavedModel and loads it."""
    import tensorflow as tf

    from keras_wa.export.saving import save_functions

    with tempfile.TemporaryDirectory() as folder:
        signature = tf.TensorSpec(shape or model.input.shape, dtype, "roi")
        save_functions(model, Path(folder), signature)
        loaded = tf.saved_model.load(folder)
    return lambda rois: loaded.serve(tf.constant(rois)).numpy()


def _export(folder: str) -> None:
    from keras_wa.cli.starting import start_keras

    start_keras()
    import tensorflow as tf

    from keras_wa.export.convolutions import for_cpu
    from keras_wa.export.folding import fold
    from keras_wa.export.guard import guarded
    from keras_wa.export.preparation import Preprocessing
    from keras_wa.export.saved_model import serving_model
    from keras_wa.export.saving import save_functions
    from keras_wa.models import create_model

    model = for_cpu(fold(create_model("wa_resnet50")))
    signature = tf.TensorSpec((None, None, None, 1), tf.uint8, "roi")
    whole = serving_model(model, Preprocessing())
    save_functions(whole, Path(folder), signature, guard=guarded)


def _peak() -> float:
    """Returns the peak resident memory of this process so far, MB (Linux)."""
    # `getrusage` would include the memory before `exec`.
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
        # The loaded object owns the resources of the signature.
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
    from keras_wa.export.folding import fold
    from keras_wa.models import create_model

    classify = _converted(fold(create_model("wa_resnet50")))
    times = {
        f"network, batch of {batch}": timed(
            functools.partial(classify, _rois(batch)), repeats
        )
        for batch, repeats in BATCHES.items()
    }
    return {**times, **_grafts(_converted)}


def _converted(model: Any) -> Classify:
    """Converts a model to a session of onnxruntime."""
    import onnxruntime
    import tensorflow as tf
    import tf2onnx

    signature = [tf.TensorSpec(model.input.shape, tf.float32, "roi")]
    infer = tf.function(
        lambda roi: model(roi, training=False), input_signature=signature
    )
    onnx, _ = tf2onnx.convert.from_function(infer, signature, opset=17)
    session = onnxruntime.InferenceSession(onnx.SerializeToString())
    return lambda rois: session.run(None, {"roi": rois})


def _grafts(make: Callable[[Any], Classify]) -> Times:
    """Returns the ratio of each call's time to that of SE-ResNet-50 before it."""
    from keras_wa.export.batch_normalization import fold_batch_normalization
    from keras_wa.export.folding import fold_dwt
    from keras_wa.models import create_model

    plain = make(fold_batch_normalization(create_model("se_resnet50")))
    found: Times = {}
    for graft, side in GRAFTS.items():
        model = create_model("wa_resnet50", graft=graft, image_size=side)
        model = fold_batch_normalization(model)
        for way, kept in {"": fold_dwt(model), ", DWT kept": model}.items():
            classify = make(kept)
            for batch, repeats in BATCHES.items():
                works = {
                    "own": functools.partial(classify, _rois(batch, side)),
                    "plain": functools.partial(plain, _rois(batch)),
                }
                times = timed_in_turns(works, repeats)
                case = f"{graft} at {side}{way}, batch of {batch}, {_BY_SE}"
                pairs = zip(times["own"], times["plain"], strict=True)
                found[case] = [own / other for own, other in pairs]
            del classify, works  # Each holds a gigabyte.
    return found


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
        ratios = {
            name: {case: cases.pop(case) for case in [*cases] if _BY_SE in case}
            for name, cases in found.items()
            if "PyTorch" not in name
        }
        if found:
            print_table("The exported model, 224x224", found, "keras_wa")
            print_table("The exported grafts", ratios, "keras_wa", unit="of its time")
        for case, values in alone.items():
            print(f"TensorFlow alone, {case}: {statistics.median(values):.4g}")
