"""`import keras, keras_wa` is enough for Keras to load a model of this package."""

from __future__ import annotations

import configparser
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_wa.models  # With all that models are made of.
from keras_wa import layers
from tests.imports import deep_learning_libraries_of
from tests.processes import ROOT, python


def _own_layers(parent: type = keras.layers.Layer) -> set[type]:
    """The layers that this package defines, but for those of a SavedModel alone."""
    found = set()
    for child in parent.__subclasses__():
        found |= _own_layers(child)
        ours = child.__module__.startswith("keras_wa.")
        ours = ours and not child.__module__.startswith("keras_wa.export.")
        if ours and not issubclass(child, keras.Model):
            found.add(child)
    return found


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with every layer, and beside it what the model gives for ones."""
    roi = keras.Input((32, 32, 1))
    x = layers.Resize2D(16, 16)(layers.CLAHE()(roi))
    bands = layers.SqueezeExcite(ratio=1)(
        layers.SubbandNormalization()(layers.DWT2D()(x))
    )
    attended, low = layers.WaveletAttention()(bands)
    pooled = layers.AttentionPool2D(units=4)(keras.layers.Add()([attended, low]))
    tokens = keras.layers.GlobalAveragePooling1D()(
        layers.Tokens()(layers.IDWT2D()(bands))
    )
    calibrated = layers.TemperatureScaling([2.0])([keras.layers.Softmax()(pooled)])
    outputs = keras.layers.Concatenate()(
        [pooled, tokens, keras.layers.Flatten()(calibrated)]
    )
    model = keras.Model(roi, outputs)
    used = {type(layer) for layer in model.layers}
    assert _own_layers() <= used, "a layer is new: put it in"
    path = tmp_path_factory.mktemp("every layer") / "every.keras"
    model.save(path)
    outputs = model.predict(np.ones((1, 32, 32, 1), "float32"), verbose=0)
    np.save(path.with_suffix(".npy"), outputs)
    return path


@pytest.mark.parametrize(
    "imports", ["import keras, keras_wa", "import keras_wa.layers, keras"]
)
def test_keras_loads_a_model_in_a_process_that_knows_no_more(
    path: Path, imports: str
) -> None:
    code = f"""{imports}
import sys
import numpy as np
model = keras.saving.load_model(sys.argv[1])
outputs = model.predict(np.ones((1, 32, 32, 1), "float32"), verbose=0)
np.testing.assert_allclose(outputs, np.load(sys.argv[2]), rtol=1e-6)
"""
    # Not in the repository.
    python("-c", code, path.name, path.with_suffix(".npy").name, cwd=path.parent)


def test_every_layer_is_registered_under_the_packages_name() -> None:
    own = _own_layers()
    assert len(own) >= 9
    for layer in own:
        name = f"keras_wa>{layer.__name__}"
        assert keras.saving.get_registered_object(name) is layer


def test_a_package_is_there_when_it_is_used() -> None:
    code = "import keras_wa; print(keras_wa.metrics.auc([0, 1, 0], [0.1, 0.9, 0.2]))"
    assert deep_learning_libraries_of(code) == []
    packages = {path.name for path in (ROOT / "keras_wa").iterdir()}
    assert set(keras_wa.__all__) - packages == {"MammogramClassifier"}
    assert issubclass(keras_wa.MammogramClassifier, keras.Model)
    with pytest.raises(AttributeError, match="no attribute 'metrix'"):
        _ = keras_wa.metrix


def test_the_package_alone_imports_no_deep_learning_library() -> None:
    assert deep_learning_libraries_of("import keras_wa") == []
    assert keras_wa.__version__


def test_an_installed_package_has_all_its_files() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    declared = {
        path
        for package, patterns in config["options.package_data"].items()
        for pattern in patterns.split(",")
        for path in (ROOT / package.replace(".", "/")).glob(pattern.strip())
    }
    files = {path for path in (ROOT / "keras_wa").rglob("*.*") if path.is_file()}
    others = {path for path in files if path.suffix not in (".py", ".pyc")}
    assert others == declared
