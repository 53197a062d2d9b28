"""An ONNX file gives the SavedModel's probabilities of raw ROIs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from keras_wa.cli import main
from keras_wa.export.saved_model import model_card
from keras_wa.training.best import load_best
from keras_wa.training.run import Run
from tests.cli.failing import ErrorOf

onnxruntime = pytest.importorskip("onnxruntime")


def test_onnxruntime_gives_the_probabilities_of_the_savedmodel(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new" / "model.onnx"
    assert main(["export", str(finished), "--onnx", str(path)]) == 0
    assert f"ONNX: {path}" in capsys.readouterr().out
    session = onnxruntime.InferenceSession(str(path))
    served = tf.saved_model.load(str(finished / "saved_model"))
    rng = np.random.default_rng(0)
    for size in ((32, 32), (57, 40), (33, 101)):
        smooth = rng.normal(0, 30, (4, *size, 1)).cumsum(axis=2) + 128
        rois = np.clip(smooth, 0, 255).astype("uint8")
        (found,) = session.run(None, {"roi": rois})
        np.testing.assert_allclose(
            found, served.serve(tf.constant(rois)), rtol=0, atol=1e-4
        )
    (none,) = session.run(None, {"roi": rois[:0]})
    assert none.shape == (0, 2)
    with pytest.raises(Exception, match=r"expected: \(tensor\(uint8\)\)"):
        session.run(None, {"roi": (rois / 255).astype("float32")})
    card = json.loads(session.get_modelmeta().custom_metadata_map["keras_wa"])
    run = Run.open(finished)
    assert card == model_card(run, load_best(run))


def test_a_place_that_cannot_be_written_and_mixed_flags_are_named(
    finished: Path, tmp_path: Path, error_of: ErrorOf
) -> None:
    (tmp_path / "file").write_text("")
    words = ["export", str(finished), "--onnx", str(tmp_path / "file" / "m.onnx")]
    assert "cannot be written" in error_of(words)
    assert "Give --onnx, or --out" in error_of([*words, "--explain"])
