"""The package is a guest: it names parameters, and leaves other libraries alone."""

from __future__ import annotations

import re

from tests.processes import python
from tests.tiny_model import ROOT

# The options of s5cmd, a program that it starts.
_FOREIGN = {"data/download/s5cmd.py"}
_FLAG = re.compile(r"""['"` (]--[a-z][\w-]*""")


def test_no_message_comment_or_docstring_speaks_of_flags() -> None:
    package = ROOT / "keras_wa"
    found = {
        f"{name}: {flags}"
        for path in package.rglob("*.py")
        if not (name := path.relative_to(package).as_posix()).startswith("cli/")
        and name not in _FOREIGN
        and (flags := _FLAG.findall(path.read_text(encoding="utf-8")))
    }
    assert found == set()


# What layers, models and metrics are made of; `pip install keras_wa` brings more, for
# training, evaluation and prediction.
_CORE = """
import importlib.abc, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        library = name.partition(".")[0]
        if library in sys.argv[1:]:
            raise ModuleNotFoundError(name, name=library)

sys.meta_path.insert(0, Missing())
import numpy as np
import keras_wa
model = keras_wa.models.WAResNet50(input_shape=(32, 32, 1), weights=None)
bands = keras_wa.layers.DWT2D()(np.zeros((1, 8, 8, 1), "float32"))
print(model.output_shape, bands.shape, keras_wa.metrics.auc([0, 1], [0.2, 0.7]).value)
"""


def test_layers_models_and_metrics_need_no_more_than_a_core() -> None:
    needed = {"keras", "numpy", "scipy", "pandas", "PyWavelets", "scikit-learn", "h5py"}
    lines = (ROOT / "setup.cfg").read_text().partition("install_requires =")[2]
    listed = re.findall(r"^    ([\w-]+)", lines.partition("[options.")[0], re.MULTILINE)
    modules = {"opencv-python-headless": "cv2", "pillow": "PIL", "pyyaml": "yaml"}
    others = [modules.get(name, name) for name in listed if name not in needed]
    assert {"tensorflow", "pydicom", "matplotlib", "cv2"} <= set(others)
    others.remove("rich")  # Keras itself needs it.
    done = python("-c", _CORE, *others, KERAS_BACKEND="jax")
    assert done.stdout.strip() == "(None, 2) (1, 4, 4, 4) 1.0"


# Each line of `state` is something of the process that an import must not change.
_IMPORTS = """
import importlib, os, pkgutil, random, sys, warnings
import cv2, keras, matplotlib, numpy, PIL.Image, pydicom, ray.train.v2.jax
if keras.backend.backend() == "tensorflow":
    import tensorflow

def state():
    level = getattr(cv2, "getLogLevel", None) or cv2.utils.logging.getLogLevel
    return {
        "warnings": list(warnings.filters),
        "environment": dict(os.environ),
        "OpenCV": level(),
        "dtype policy": keras.config.dtype_policy().name,
        "Matplotlib": dict.__getitem__(matplotlib.rcParams, "backend"),
        "random": random.getstate(),
        "NumPy": str(numpy.random.get_state()),
    }

before = state()
import keras_wa
modules = [each.name for each in pkgutil.walk_packages(keras_wa.__path__, "keras_wa.")]
for name in modules:
    importlib.import_module(name)
    for what, now in state().items():
        assert now == before[what], f"{name} changes {what}: {before[what]} to {now}"
print(len(modules))
"""


def test_no_import_has_a_side_effect() -> None:
    assert int(python("-c", _IMPORTS).stdout) > 200
