"""With JAX, and without TensorFlow, the same training, evaluation and files."""

from __future__ import annotations

import json
import re
import subprocess
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from keras_wa.cli import main
from keras_wa.data.pipeline.augmentation import Augmentation
from keras_wa.data.pipeline.batches import training_batches
from keras_wa.data.pipeline.plan import TrainingPlan
from keras_wa.data.pipeline.rois import Rois
from keras_wa.training.best import load_best
from keras_wa.training.building import build_model, compile_model
from keras_wa.training.config import TrainConfig
from keras_wa.training.data import load_data
from keras_wa.training.run import Run
from keras_wa.training.scoring import score
from tests.processes import python
from tests.tiny_model import flags, weights_of

SIDE, BATCH, STEPS, EPOCHS = 32, 8, 3, 2

_COMMANDS = """
import json, sys

sys.modules["tensorflow"] = None  # Importing it fails.
from keras_wa.cli import main
from tests.tiny_model import SOURCE, register_model, tiny

register_model(source=SOURCE)(tiny)
for words in json.loads(sys.argv[1]):
    print("exit", main(words))
"""

_FIRST = """
import json, os, signal, sys

sys.modules["tensorflow"] = None
import keras
import numpy as np
from keras_wa.cli import main
from keras_wa.training import fit
from tests.tiny_model import SOURCE, register_model, tiny
from tests.training.test_jax import trained

register_model(source=SOURCE)(tiny)
keras.utils.set_random_seed(0)
np.savez("weights.npz", *trained("initial.weights.h5"))
whole, stopped = json.loads(sys.argv[1])
print("exit", main(whole))


class Press(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        if self.model.optimizer.iterations.value == 8:
            os.kill(os.getpid(), signal.SIGINT)


real = fit._callbacks
fit._callbacks = lambda *each: [*real(*each), Press()]
print("exit", main(stopped))
"""


def on_jax(
    script: str, commands: list[list[str]], folder: Path
) -> subprocess.CompletedProcess[str]:
    chosen = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    return python("-c", script, json.dumps(commands), cwd=folder, **chosen)


def trained(initial: str) -> list[np.ndarray]:
    """The weights of `tiny` after two epochs from the weights of a file."""
    config = TrainConfig(
        model="tiny",
        image_size=SIDE,
        batch_size=BATCH,
        epochs=EPOCHS,
        optimizer="adamw",
        weight_decay=0.1,
        weights="imagenet",
        trunk_rate=0.3,
        ema=0.7,
        label_smoothing=0.1,
        learning_rate=0.01,
        schedule="cosine",
        warmup_steps=2,
        model_options={"dropout": 0.0},
    )
    n = BATCH * STEPS
    images = np.random.default_rng(0).integers(0, 256, (n, SIDE, SIDE), "uint8")
    plan = TrainingPlan(
        lambda epoch: Rois(images.__getitem__, np.arange(n) % 2, images.__getitem__),
        n,
        SIDE,
        BATCH,
        augmentation=Augmentation(gamma=0.5, random_clahe=0.4),
        weights=np.array([0.5, 1.5], "float32"),
    )
    model = build_model(config, pretrained=False)
    model.pretrained_layers = ("gate",)
    if Path(initial).exists():
        model.load_weights(initial)
    else:
        model.save_weights(initial)
    compile_model(model, config, plan)
    model.fit(
        training_batches(plan, 0, EPOCHS),
        steps_per_epoch=STEPS,
        epochs=EPOCHS,
        shuffle=False,
        verbose=0,
    )
    return weights_of(model)


@pytest.fixture(scope="module")
def begun(
    store_dir: Path, tmp_path_factory: pytest.TempPathFactory, ctrl_c: None
) -> Path:
    """What one process with JAX leaves.

    That is the weights that `trained` starts from and ends at, a run of two epochs,
    and the same one stopped in its second.
    """
    folder = tmp_path_factory.mktemp("jax")
    own = {"optimizer": "sgd", "ema": 0.8}
    words = ["train", *flags(store_dir=store_dir, epochs=2, **own), "--run-dir"]
    runs = [[*words, str(folder / name)] for name in ("whole", "stopped")]
    done = on_jax(_FIRST, runs, folder)
    ends = [line for line in done.stdout.splitlines() if line.startswith("exit")]
    assert ends == ["exit 0", "exit 130"], done.stderr
    assert f"Where it is installed: keras-wa export {folder / 'whole'}" in done.stdout
    assert len(pd.read_csv(folder / "stopped" / "history.csv")) == 1
    return folder


def test_two_epochs_end_at_the_weights_of_tensorflow(
    begun: Path, tiny_model: None
) -> None:
    with np.load(begun / "weights.npz") as arrays:
        found = [arrays[name] for name in arrays]
    wanted = trained(str(begun / "initial.weights.h5"))
    for jax, tensorflow in zip(found, wanted, strict=True):
        np.testing.assert_allclose(jax, tensorflow, rtol=0, atol=1e-4)


@pytest.mark.slow
def test_runs_of_jax_are_carried_on_and_evaluated_there_and_read_here(
    begun: Path,
    tiny_model: None,
    store_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    path = begun / "whole"
    few = flags(store_dir=store_dir, model=None, epochs=1)
    few += ["--resamples", "20", "--out", str(tmp_path / "compared")]
    none = tmp_path / "none"
    commands = [
        ["train", "--resume", "--run-dir", str(begun / "stopped")],
        ["evaluate", str(path), "--resamples", "20"],
        ["export", str(path)],
        ["explain", str(path)],
        ["train", *flags(store_dir=store_dir, run_dir=none), "--strategy", "tpu"],
        ["train", *flags(store_dir=store_dir, run_dir=none), "--deterministic"],
        ["models", "--model", "resnet34", "--image-size", "64"],
        ["compare", "--models", "tiny,tiny:dropout=0.5", "--seeds", "1", *few],
        ["dashboard", str(path), "--build-only", "--out", str(tmp_path / "shown")],
    ]
    done = on_jax(_COMMANDS, commands, tmp_path)
    said = done.stdout
    assert [each for each in said.splitlines() if each.startswith("exit")] == [
        *["exit 0"] * 2,
        *["exit 2"] * 4,
        *["exit 0"] * 3,
    ]
    assert done.stderr.count("needs TensorFlow") == 4
    shown = tmp_path / "shown" / path.name
    assert (shown / "projector_config.pbtxt").is_file()
    curves = shown / "training"
    assert curves.is_dir(), "its history, as there are no logs"
    assert not curves.is_symlink()
    environment = json.loads((path / "environment.json").read_text())
    assert environment["backend"] == "jax"
    assert environment["packages"]["jax"] == metadata.version("jax")
    assert re.search(r"resnet34 +21\.30 +- ", said), "nobody counts the operations"
    comparison = json.loads((tmp_path / "compared" / "comparison.json").read_text())
    assert comparison["hardware"].endswith(", jax")
    assert comparison["costs"]["tiny"]["gflops"] is None
    assert len(comparison["splits"][0]["systems"]) == 2
    report = (path / "evaluation" / "test" / "report.html").read_text()
    assert "There are no heat maps. Grad-CAM needs TensorFlow" in report

    # The run that Ctrl-C stopped has ended where it would have.
    for found, wanted in zip(
        weights_of(load_best(Run.open(begun / "stopped"))),
        weights_of(load_best(Run.open(path))),
        strict=True,
    ):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)

    # What JAX has trained, TensorFlow reads: the same probabilities of the same ROIs.
    run = Run.open(path)
    scored = score(load_best(run), load_data(run.config), "test")
    predictions = run.evaluation("test") / "predictions.csv"
    table = pd.read_csv(predictions, dtype={"roi_id": str})
    assert list(scored["roi_id"]) == list(table["roi_id"])
    np.testing.assert_allclose(
        scored["probability"], table["probability"], rtol=0, atol=1e-5
    )
    assert main(["export", str(path)]) == 0
    assert f"SavedModel: {run.saved_model}" in capsys.readouterr().out


def test_a_setting_that_needs_tensorflow_leaves_no_directory_behind(
    tmp_path: Path,
) -> None:
    words = ["train", "--dataset", "phantom", "--deterministic", "--run-dir", "run"]
    script = "import sys; from keras_wa.cli import main; sys.exit(main(sys.argv[1:]))"
    done = python("-c", script, *words, cwd=tmp_path, code=2, KERAS_BACKEND="jax")
    assert "--deterministic needs TensorFlow" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("setting", "hidden", "expected"),
    [
        ("tensorflow", "tensorflow", "Keras backend tensorflow is not installed"),
        ("jax", "jax", "Keras backend jax is not installed"),
        ("numpy", "tensorflow", "Unknown backend of Keras (KERAS_BACKEND). Received"),
    ],
)
def test_a_backend_that_is_not_there_is_one_line(
    setting: str, hidden: str, expected: str, tmp_path: Path
) -> None:
    script = (
        f"import sys; sys.modules[{hidden!r}] = None\n"
        "from keras_wa.cli import main; sys.exit(main(['train']))"
    )
    done = python("-c", script, cwd=tmp_path, code=2, KERAS_BACKEND=setting)
    assert expected in done.stderr
    assert len(done.stderr.splitlines()) == 1
