"""Models and datasets of another package that is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_wa.data import Dataset, load_cases, register_dataset, registry
from keras_wa.errors import UserError
from tests.processes import python

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "plugin"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, installed into a folder of its own beside a broken plug-in."""
    source = tmp_path_factory.mktemp("source") / "plugin"
    shutil.copytree(EXAMPLE, source)
    target = tmp_path_factory.mktemp("site")
    words = ["install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [sys.executable, "-m", "pip", *words, "--target", target, source], check=True
    )
    broken = target / "broken-1.0.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1")
    (broken / "entry_points.txt").write_text(
        "[keras_wa.models]\nbroken = no_such_module\n"
        "[keras_wa.datasets]\nbroken = no_such_module\n"
    )
    return target


COMMAND = "from keras_wa.cli import main; exit(main())"


def _python(
    site: Path, *words: str | Path, code: int = 0
) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(site), *sys.path])
    return python("-c", *words, code=code, PYTHONPATH=paths)


def test_an_installed_package_brings_a_model_and_a_dataset(
    installed: Path, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    rng = np.random.default_rng(0)
    for i in range(24):
        label = ("benign", "malignant")[i % 2]
        pixels = rng.integers(0, 256, (40, 40), np.uint8)
        cv2.imwrite(str(images / f"{i // 2 + 12 * (i % 2):04}-{label}.png"), pixels)
    done = _python(
        *(installed, COMMAND, "train", "--dataset", "numbered", "--data-dir", images),
        *("--model", "small_cnn", "--model-option", "filters=4"),
        *("--epochs", "1", "--image-size", "32", "--batch-size", "4"),
        *("--store-dir", tmp_path / "stores", "--run-dir", tmp_path / "run"),
    )
    assert "small_cnn on numbered: " in done.stdout
    assert (tmp_path / "run" / "saved_model").is_dir()
    # The plug-in that is broken is named, once a group, and the rest goes on.
    found = [line for line in done.stdout.splitlines() if "cannot be imported" in line]
    assert len(found) == 2
    assert "Plug-in broken (no_such_module)" in found[0]
    assert "ModuleNotFoundError" in found[0]


def test_its_model_passes_the_checks_and_is_listed(installed: Path) -> None:
    code = (
        "from keras_wa.testing import run_model_test\n"
        "run_model_test('small_cnn', {'filters': 4}, image_size=32)\n"
        "from keras_wa.cli import main; exit(main(['models']))"
    )
    done = _python(installed, code)
    assert "small_cnn" in done.stdout
    assert "wa_resnet50_literal" in done.stdout


def test_unknown_names_are_answered_with_those_of_plugins(installed: Path) -> None:
    words = ("train", "--dataset", "phantom", "--model", "smal_cnn", "--epochs", "1")
    done = _python(installed, COMMAND, *words, code=2)
    assert "did you mean 'small_cnn'?" in done.stderr


def test_a_dataset_is_registered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_READERS", dict(registry._READERS))

    @register_dataset("mine")
    def read(data_dir: object, options: object, seed: int) -> Dataset:
        raise UserError(f"{data_dir}, {seed}")

    with pytest.raises(UserError, match=r"here, 3"):
        load_cases("mine", "here", seed=3)
    for taken in ("mine", "folder", "csv"):
        with pytest.raises(ValueError, match=f"Two datasets are named '{taken}'"):
            register_dataset(taken)(read)
