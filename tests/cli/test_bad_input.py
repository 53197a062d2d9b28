"""Each mistake that a user can make ends in one line that says how to mend it.

One test for each line of the list of bad input that the package promises to bear.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_wa.cli import main
from keras_wa.cli.flags import given_settings
from keras_wa.cli.main import _parser
from keras_wa.training.config import TrainConfig
from keras_wa.training.data import load_data
from tests.cli.failing import ErrorOf
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


def _nothing_was_begun(tmp_path: Path) -> bool:
    """Whether the same `--run-dir` can be used again."""
    return not any((tmp_path / "run").glob("*"))


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n\0\0"])
def test_images_that_are_all_cut_off(
    root: Path, tmp_path: Path, error_of: ErrorOf, content: bytes
) -> None:
    for path in root.rglob("*.png"):
        path.write_bytes(content)
    line = error_of(_train(root, tmp_path))
    assert "none of 24 ROIs could be read" in line
    assert "a00_0.png" in line
    assert _nothing_was_begun(tmp_path)


def test_dicom_files_of_another_modality(
    root: Path, tmp_path: Path, error_of: ErrorOf
) -> None:
    pixels = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    for path in root.rglob("*.png"):
        path.unlink()
        dicom_dataset(pixels, Modality="CT").save_as(
            path.with_suffix(".dcm"), enforce_file_format=True
        )
    line = error_of(_train(root, tmp_path))
    assert "Modality" in line
    assert "CT" in line
    assert "MG" in line


def test_a_class_folder_with_no_file(
    root: Path, tmp_path: Path, error_of: ErrorOf
) -> None:
    shutil.rmtree(root / "1")
    (root / "1").mkdir()
    line = error_of(_train(root, tmp_path))
    assert f"{root / '1'}: class folder with no image" in line


def test_a_folder_that_is_not_there(
    tmp_path: Path, tiny_model: None, error_of: ErrorOf
) -> None:
    line = error_of(_train(tmp_path / "nowhere", tmp_path))
    assert f"{tmp_path / 'nowhere'}: cannot be listed (No such file" in line


@pytest.mark.parametrize("place", ["", "1"])
def test_a_folder_that_cannot_be_read(
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error_of: ErrorOf,
    place: str,
) -> None:
    # Permissions do not stop the superuser, whom the tests may run as.
    locked, scandir = root / place, os.scandir

    def refuse(path: Any = ".") -> Any:
        if Path(path) == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    line = error_of(_train(root, tmp_path))
    assert f"{locked}: cannot be listed (Permission denied)" in line


def test_all_labels_equal(root: Path, tmp_path: Path, error_of: ErrorOf) -> None:
    shutil.rmtree(root / "1")
    line = error_of(_train(root, tmp_path))
    assert "Received: 1 (0); expected exactly two" in line


def test_one_patient_only(root: Path, tmp_path: Path, error_of: ErrorOf) -> None:
    line = error_of(_train(root, tmp_path, group_pattern=r"(png)"))
    assert "all 24 files belong to one patient" in line
    assert "--group-pattern" in line


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("(", "is no regular expression"), (r"^(z\d)", "does not match --group-pattern")],
)
def test_a_group_pattern_that_does_not_fit(
    root: Path, tmp_path: Path, error_of: ErrorOf, pattern: str, expected: str
) -> None:
    assert expected in error_of(_train(root, tmp_path, group_pattern=pattern))


def test_a_batch_larger_than_the_set(
    root: Path, tmp_path: Path, error_of: ErrorOf
) -> None:
    line = error_of(_train(root, tmp_path, batch_size=100))
    assert "The batch is larger than the training set" in line
    assert "Received: 100" in line
    assert "--batch-size" in line
    assert _nothing_was_begun(tmp_path)


def test_a_loss_that_is_no_number(
    tmp_path: Path, store_dir: Path, tiny_model: None, error_of: ErrorOf
) -> None:
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


def test_a_disk_that_fills_while_the_data_are_prepared(
    root: Path, tmp_path: Path, error_of: ErrorOf
) -> None:
    with _no_file_larger_than(4000):
        line = error_of(_train(root, tmp_path))
    assert "the disk is full" in line
    assert str(tmp_path / "stores") in line


def test_a_disk_that_fills_during_the_training_costs_no_completed_epoch(
    root: Path, tmp_path: Path, error_of: ErrorOf
) -> None:
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
def test_a_device_without_space_is_told_from_a_defect(
    tmp_path: Path, error_of: ErrorOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keras_wa.training.run import Run

    def write(*_: object) -> None:
        Path("/dev/full").write_text("config")

    monkeypatch.setattr(Run, "open", write)
    line = error_of(["export", tmp_path])
    assert "The disk is full ([Errno 28] No space left on device)" in line
