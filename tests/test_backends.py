"""Layers and models on other backends of Keras: the same checks, the same numbers."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_wa.models import create_model
from tests.processes import python

CHECKS = """
from keras_wa import layers
from keras_wa.testing import run_layer_test, run_model_test
# Torch on a CPU has no complete set of half-precision operations.
half = 0.05 if keras.backend.backend() == "jax" else None
for kind, options, shape in [
    (layers.DWT2D, {"wavelet": "db2"}, (2, 9, 8, 1)),
    (layers.IDWT2D, {"wavelet": "haar"}, (2, 4, 4, 4)),
    (layers.SqueezeExcite, {"ratio": 2}, (2, 4, 4, 8)),
    (layers.WaveletAttention, {}, (2, 8, 8, 4)),
    (layers.AttentionPool2D, {}, (2, 4, 4, 8)),
    (layers.SubbandNormalization, {}, (2, 4, 4, 4)),
    (layers.TemperatureScaling, {"temperatures": [1.0, 2.0]}, [(2, 3), (2, 3)]),
]:
    run_layer_test(kind, options, shape, half_tolerance=half)
run_model_test("wa_resnet50")
run_model_test("cnn_vit")
"""
SCRIPT = """
import sys
import keras
import numpy as np
import keras_wa
model = keras.models.load_model(sys.argv[1], compile=False)
rois = np.load(sys.argv[2])
np.save(sys.argv[3], model.predict(rois, verbose=0))
assert keras.backend.backend() == sys.argv[4]
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_layers_and_models_pass_the_same_checks(backend: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed: make test-all installs it")
    model = create_model("wa_resnet50", image_size=64, wavelet="db2")
    rois = np.random.default_rng(0).random((2, 64, 64, 1), "float32")
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "rois.npy", rois)
    words = [tmp_path / name for name in ("model.keras", "rois.npy", "out.npy")]
    python("-c", SCRIPT + CHECKS, *words, backend, KERAS_BACKEND=backend)
    expected = model.predict(rois, verbose=0)
    assert keras.backend.backend() == "tensorflow"
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), expected, atol=1e-5)
