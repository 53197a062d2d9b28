"""Each mistake that a user can make ends in one line that says how to mend it.

The list of bad input that the package promises to bear, but for what the reader of a
folder finds by itself: that is in `tests/data/readers/test_folder.py`.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_wa.cli import main
from keras_wa.cli.flags import given_settings
from keras_wa.cli.main import _parser
from keras_wa.training.config import TrainConfig
from keras_wa.training.data import load_data
from tests.data.io.dicom_files import dicom_dataset
from tests.data.pipeline.folders import make_folder
from tests.tiny_model import flags

resource = pytest.importorskip("resource")


@pytest.fixture
def root(tmp_path: Path, tiny_model: None) -> Path:
    """Class folders of 24 images of 12 patients."""
    return make_folder(tmp_path / "data")


def _train(root: Path, tmp_path: Path, **changes: Any) -> list[str]:
    settings = {
        "dataset": "folder",
        "data_dir": root,
        "group_pattern": r"^(\w\d\d)",
        "rois": None,
        "field_mm": None,
        "batch_size": 4,
        "epochs": 1,
        "store_dir": tmp_path / "stores",
        "run_dir": tmp_path / "run",
    }
    return ["train", *flags(**{**settings, **changes})]


def _cut_off(content: bytes) -> Callable[[Path], None]:
    def spoil(root: Path) -> None:
        for path in root.rglob("*.png"):
            path.write_bytes(content)

    return spoil


def _of_another_modality(root: Path) -> None:
    pixels = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    for path in root.rglob("*.png"):
        path.unlink()
        dicom = dicom_dataset(pixels, Modality="CT")
        dicom.save_as(path.with_suffix(".dcm"), enforce_file_format=True)


@pytest.mark.parametrize(
    ("spoil", "changes", "expected"),
    [
        (_cut_off(b""), {}, ["none of 24 ROIs could be read", "a00_0.png"]),
        (_cut_off(b"\x89PNG\r\n\x1a\n\0\0"), {}, ["none of 24 ROIs", "a00_0.png"]),
        (_of_another_modality, {}, ["Modality", "CT", "MG"]),
        (shutil.rmtree, {}, ["@: cannot be listed (No such file"]),
        (None, {"group_pattern": r"^(z\d)"}, ["does not match --group-pattern"]),
        (
            None,
            {"batch_size": 100},
            ["batch is larger than the training set", "Received: 100", "--batch-size"],
        ),
    ],
    ids=[
        *("empty files", "files cut off", "another modality"),
        *("no folder", "another pattern", "a large batch"),
    ],
)
def test_data_that_nobody_can_train_on(
    root, tmp_path, error_of, spoil, changes, expected
):
    if spoil is not None:
        spoil(root)
    line = error_of(_train(root, tmp_path, **changes))
    for part in expected:
        assert part.replace("@", str(root)) in line
    # The same `--run-dir` can be used again.
    assert not any((tmp_path / "run").glob("*"))


def test_a_loss_that_is_no_number(tmp_path, store_dir, tiny_model, error_of):
    words = flags(store_dir=store_dir, run_dir=tmp_path / "run", learning_rate=3e38)
    line = error_of(["train", *words])
    assert "is nan: the training has diverged" in line or "is inf" in line
    assert "--learning-rate" in line


@contextlib.contextmanager
def _no_file_larger_than(size: int) -> Iterator[None]:
    """A disk that is full, as far as this process can tell."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_while_the_data_are_prepared(root, tmp_path, error_of):
    with _no_file_larger_than(4000):
        line = error_of(_train(root, tmp_path))
    assert "the disk is full" in line
    assert str(tmp_path / "stores") in line


def test_a_disk_that_fills_during_the_training_costs_no_completed_epoch(
    root, tmp_path, error_of
):
    words = _train(root, tmp_path)
    given = given_settings(_parser().parse_args(words), TrainConfig)
    load_data(TrainConfig.from_mapping(given, ""))
    # The checkpoint has about 20 kB, the model 45 kB, the SavedModel 240 kB.
    with _no_file_larger_than(15_000):
        line = error_of(words)
    assert line.startswith("error: The disk is full (")
    assert "Free some space" in line
    checkpoints = tmp_path / "run" / "checkpoints"
    assert list(checkpoints.iterdir()) == [], "what takes up space was removed"

    with _no_file_larger_than(120_000):
        line = error_of([*words, "--resume"])
    assert line.startswith("error: The disk is full (")
    assert [path.name for path in checkpoints.iterdir()] == ["epoch-00001"]
    assert not (tmp_path / "run" / "saved_model").exists()
    assert not list((tmp_path / "run").glob(".*"))

    assert main([*words, "--resume"]) == 0
    assert (tmp_path / "run" / "saved_model" / "saved_model.pb").is_file()


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="this system has no /dev/full"
)
def test_a_device_without_space_is_told_from_a_defect(tmp_path, error_of, monkeypatch):
    from keras_wa.training.run import Run

    def write(*_: object) -> None:
        Path("/dev/full").write_text("config")

    monkeypatch.setattr(Run, "open", write)
    line = error_of(["export", tmp_path])
    assert "The disk is full ([Errno 28] No space left on device)" in line
