"""The main job with real processes: train, evaluate, serve without this package."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from keras_wa.data.io.clahe import clahe
from keras_wa.data.io.resize import resize
from keras_wa.training.best import load_best
from keras_wa.training.run import Run
from tests.cli.bars import without_bars
from tests.processes import ROOT, python

SIZE = 32
SIZES = [(32, 32), (33, 47), (61, 38), (224, 180)]
ROIS = 25  # of each size

_SERVE = """
import sys

sys.modules["keras_wa"] = sys.modules["keras"] = None  # Importing them fails.
import numpy as np
import tensorflow as tf

model = tf.saved_model.load(sys.argv[1])
rois = np.load(sys.argv[2])
outputs = {}
for name in rois:
    result = model.signatures["serving_default"](roi=tf.constant(rois[name]))
    (outputs[name],) = result.values()
np.savez(sys.argv[3], **outputs)
assert not any(m.startswith(("keras.", "keras_wa.")) for m in sys.modules)
"""


@pytest.mark.slow
def test_train_evaluate_and_serve(tmp_path):
    words = ["--rois", "60", "--image-size", str(SIZE), "--field-mm", "8"]
    words += ["--epochs", "1", "--batch-size", "8", "--run-dir", "runs/wa"]
    # Otherwise it starts as nearly a constant, and five steps do not change that.
    words += ["--model-option", "zero_init_residual=false"]
    words += ["--model-option", "gate_bias=4"]
    # Without a network and a cache: ImageNet weights cannot be had.
    offline = {"https_proxy": "http://127.0.0.1:9", "KERAS_HOME": str(tmp_path)}
    done = python(ROOT / "train.py", *words, cwd=tmp_path, **offline)
    assert without_bars(done.stderr) == ""
    assert "*** The ImageNet weights could not be downloaded" in done.stdout
    assert "*** PHANTOM: no data set is under data/" in done.stdout
    assert "wa_resnet50 on phantom" in done.stdout
    assert "python evaluate.py runs/wa" in done.stdout

    done = python(ROOT / "evaluate.py", "runs/wa", "--resamples", "50", cwd=tmp_path)
    assert without_bars(done.stderr) == ""
    assert "AUC" in done.stdout
    assert "best possible AUC" in done.stdout
    path = tmp_path / "runs" / "wa"
    split = pd.read_csv(path / "split.csv")
    assert (split.groupby("patient_id")["split"].nunique() == 1).all()
    folder = path / "evaluation" / "test"
    table = pd.read_csv(folder / "predictions.csv")
    assert set(table["roi_id"]) == set(split.loc[split["split"] == "test", "roi_id"])
    auc = json.loads((folder / "metrics.json").read_text())["metrics"]["auc"]["value"]
    assert auc == roc_auc_score(table["label"], table["probability"])

    rng = np.random.default_rng(0)
    rois = {}
    for i, size in enumerate(SIZES):
        coarse = rng.uniform(0, 255, (ROIS, 6, 6)).astype("uint8")
        smooth = np.stack([resize(image, size) for image in coarse]).astype("float32")
        grain = rng.normal(0, rng.uniform(0, 25, (ROIS, 1, 1)), (ROIS, *size))
        rois[f"size{i}"] = np.clip(smooth + grain, 0, 255).astype("uint8")[..., None]
    np.savez(tmp_path / "rois.npz", **rois)
    served = ["runs/wa/saved_model", "rois.npz", "outputs.npz"]
    python("-c", _SERVE, *served, cwd=tmp_path)

    model = load_best(Run.open(path))
    with np.load(tmp_path / "outputs.npz") as outputs:
        for name, images in rois.items():
            small = [clahe(resize(roi[..., 0], (SIZE, SIZE))) for roi in images]
            pixels = np.stack(small)[..., None].astype("float32") / 255
            expected = np.asarray(model.predict(pixels, verbose=0))
            np.testing.assert_allclose(outputs[name], expected, atol=1e-4)
            assert expected[:, 1].std() > 1e-4, "all alike: nothing is shown"
