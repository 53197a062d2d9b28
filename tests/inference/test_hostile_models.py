"""A model file is data: no code in it is run, and it names no other file."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from keras_wa.errors import UserError
from keras_wa.inference.classifier import open_classifier

WEIGHTS = "layers/dense/vars/0"


def save(path: Path, layer: layers.Layer | None = None) -> Path:
    """A model that is a classifier, with a layer more."""
    inputs = keras.Input((32, 32, 1))
    x = inputs if layer is None else layer(inputs)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(2, activation="softmax", name="dense")(x)
    keras.Model(inputs, outputs).save(path)
    return path


def refused(path: Path) -> str:
    with pytest.raises(UserError, match="no model that can be read") as caught:
        open_classifier(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_lambda_is_refused_and_its_code_is_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "run"
    name = str(mark)

    def write(x: Any) -> Any:
        open(name, "w").close()
        return x

    # A function without a name is kept as its code.
    write.__name__ = "<lambda>"
    path = save(tmp_path / "m.keras", layers.Lambda(write, output_shape=(32, 32, 1)))
    keras.models.load_model(path, safe_mode=False)(np.zeros((1, 32, 32, 1)))
    assert mark.exists(), "it would be run"
    mark.unlink()
    assert "`Lambda` layer" in refused(path)
    assert not mark.exists()


def rewritten(path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The model with another configuration."""
    changed = path.with_name("changed.keras")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "config.json":
                config = json.loads(data)
                change(config["config"])
                data = json.dumps(config).encode()
            new.writestr(name, data)
    return changed


@pytest.mark.parametrize(
    ("module", "name", "config"),
    [
        ("builtins", "open", {"file": "MARK", "mode": "w"}),
        ("keras.utils", "get_file", {"fname": "MARK", "origin": "file:///etc/hosts"}),
        ("keras.models", "load_model", {"filepath": "/etc/hosts"}),
        ("keras.layers", "StringLookup", {"vocabulary": "/etc/hosts"}),
    ],
)
def test_a_configuration_that_calls_something_else_is_refused(
    tmp_path: Path, module: str, name: str, config: dict[str, str]
) -> None:
    mark = tmp_path / "mark"
    values = {key: value.replace("MARK", str(mark)) for key, value in config.items()}

    def change(model: dict[str, Any]) -> None:
        layer = model["layers"][-1]
        layer |= {"module": module, "class_name": name, "registered_name": None}
        layer["config"] = values

    refused(rewritten(save(tmp_path / "m.keras"), change))
    assert not mark.exists()


# Keras warns that the layers stay as they are, and fails for that.
@pytest.mark.filterwarnings("ignore:Skipping nested container")
def test_weights_that_lie_elsewhere_or_lie_about_their_size_are_refused(
    tmp_path: Path,
) -> None:
    path = save(tmp_path / "m.keras")
    (tmp_path / "other").write_bytes(np.ones(2, "f4").tobytes())

    def link(file: h5py.File) -> None:
        file[WEIGHTS] = h5py.ExternalLink(str(tmp_path / "outside.h5"), "/x")

    def outside(file: h5py.File) -> None:
        where = [(str(tmp_path / "other"), 0, 8)]
        file.create_dataset(WEIGHTS, (1, 2), "f4", external=where)

    def huge(file: h5py.File) -> None:
        file.create_dataset(WEIGHTS, (2**20, 2**20), "f4", chunks=(1024, 1024))

    for change in (link, outside, huge):
        with zipfile.ZipFile(path) as archive:
            archive.extractall(tmp_path / "parts")
        with h5py.File(tmp_path / "parts" / "model.weights.h5", "r+") as file:
            del file[WEIGHTS]
            change(file)
        with zipfile.ZipFile(tmp_path / "bad.keras", "w") as archive:
            for part in (tmp_path / "parts").iterdir():
                archive.write(part, part.name)
        assert "Not allowed" in refused(tmp_path / "bad.keras")


def test_a_pickle_is_no_model(tmp_path: Path) -> None:
    mark = tmp_path / "run"

    class Evil:
        def __reduce__(self) -> Any:
            return open, (str(mark), "w")

    (tmp_path / "m.keras").write_bytes(pickle.dumps(Evil()))
    refused(tmp_path / "m.keras")
    assert not mark.exists()
