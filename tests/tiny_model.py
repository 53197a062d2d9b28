"""A small network of the same make as WA-ResNet-50, and runs that train it.

`python -m tests.tiny_model train ...` is `keras-wa train ...` with the model `tiny`.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import numpy as np
import pytest
from keras import layers

from keras_wa.layers import DWT2D, SqueezeExcite
from keras_wa.models import register_model, registry

SOURCE = "for the tests"
ROOT = Path(__file__).resolve().parents[1]

# A phantom of 32 px: 106 ROIs to train, 26 to validate, 28 to test.
SETTINGS: dict[str, Any] = {
    "dataset": "phantom",
    "rois": 160,
    "image_size": 32,
    "field_mm": 8.0,
    "model": "tiny",
    "epochs": 3,
    "batch_size": 16,
    "learning_rate": 0.01,
    "schedule": "constant",
    "warmup_steps": 0,
}


def tiny(
    *,
    image_size: int = 32,
    dwt: str = "model",
    wavelet: str = "haar",
    dropout: float = 0.2,
    classes: int = 2,
) -> keras.Model:
    """DWT, two convolutions, one gate, and dropout, whose noise has a state."""
    transform = DWT2D(wavelet=wavelet, name="dwt")
    if dwt == "model":
        inputs = keras.Input((image_size, image_size, 1), name="roi")
        x = transform(inputs)
    else:
        shape = transform.compute_output_shape((None, image_size, image_size, 1))
        x = inputs = keras.Input(shape[1:], name="subbands")
    x = layers.BatchNormalization(momentum=0.8)(x)
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(x)
    x = SqueezeExcite(ratio=4, name="gate")(x)
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(dropout, seed=11)(x)
    outputs = layers.Dense(classes, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="tiny")


def flags(**changes: Any) -> list[str]:
    """`SETTINGS` with changes, as the flags of `train`; `None` leaves one out."""
    words = []
    for field, value in {**SETTINGS, **changes}.items():
        flag = f"--{field.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
        elif value is not None:
            words += [flag, str(value)]
    return words


def start(*words: str | Path) -> subprocess.Popen[str]:
    """Starts `keras-wa` with the tiny model in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.tiny_model", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
    )


def completed(run: Path) -> int:
    """Epochs that the newest whole checkpoint of a run directory holds."""
    folders = (run / "checkpoints").glob("epoch-*")
    return max((int(folder.name[-5:]) for folder in folders), default=0)


def weights_of(model: keras.Model) -> list[np.ndarray]:
    """All weights, for a comparison to the last bit."""
    return [np.asarray(weight) for weight in model.weights]


@pytest.fixture(scope="session")
def tiny_model() -> Iterator[None]:
    """Registers `tiny` for as long as tests need it."""
    # Each folder's conftest has this fixture, so it may be entered more than once.
    with (
        mock.patch.dict(registry._BUILDERS, {"tiny": tiny}),
        mock.patch.dict(registry._SOURCES, {"tiny": SOURCE}),
    ):
        yield


@pytest.fixture(autouse=True)
def float32() -> Iterator[None]:
    """Puts back the precision that a test has trained in."""
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="session")
def store_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the phantom of `SETTINGS` is prepared once."""
    path = tmp_path_factory.getbasetemp() / "stores"
    path.mkdir(exist_ok=True)
    return path


@pytest.fixture(scope="session")
def finished(store_dir: Path, tiny_model: None) -> Path:
    """The directory of a run that was trained to its end; not to be changed."""
    return _finished_run(store_dir)


@functools.cache  # Each folder's conftest has a session fixture of its own.
def _finished_run(store_dir: Path) -> Path:
    from keras_wa.cli import main

    path = store_dir / "finished"
    words = flags(store_dir=store_dir, run_dir=path)
    assert main(["train", *words]) == 0
    return path


if __name__ == "__main__":
    from keras_wa.cli import main

    register_model(source=SOURCE)(tiny)
    sys.exit(main(sys.argv[1:]))
