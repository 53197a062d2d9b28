"""`keras-wa prepare`."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_wa.cli import main
from keras_wa.data.pipeline import PreparedStore
from tests.cli.bars import without_bars
from tests.cli.failing import ErrorOf
from tests.data.pipeline.folders import make_folder
from tests.data.readers.medimeta_tree import write_medimeta


def test_a_store_is_made_that_train_will_find(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_folder(tmp_path / "data")
    words = ["--data-dir", str(root), "--group-pattern", r"^(\w\d\d)"]
    words += ["--image-size", "32", "--store-dir", str(tmp_path / "stores")]
    assert main(["prepare", *words]) == 0
    out = capsys.readouterr().out
    (folder,) = (tmp_path / "stores").iterdir()
    assert f"24 ROIs are ready: {folder}" in out
    assert "*** Class folders: 0 is label 0, 1 is label 1" in out
    store = PreparedStore.open(folder)
    assert store.images.shape == (24, 32, 32)
    assert store.cases["patient_id"].nunique() == 12
    stamps = [path.stat().st_mtime_ns for path in sorted(folder.iterdir())]
    assert main(["prepare", *words]) == 0
    assert [path.stat().st_mtime_ns for path in sorted(folder.iterdir())] == stamps


def test_values_of_12_bits_in_16_are_said_and_scaled_where_they_are_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_folder(tmp_path / "data")
    for path in root.glob("*/*.png"):
        values = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(np.uint16) * 16
        assert cv2.imwrite(str(path), values)
    words = ["prepare", "--data-dir", str(root), "--group-pattern", r"^(\w\d\d)"]
    words += ["--image-size", "32", "--store-dir", str(tmp_path / "stores")]
    note = "*** 24 of 24 ROIs have this note, such as 0/a00_0.png: grey range: the"
    assert main(words) == 0
    assert note in capsys.readouterr().out
    (dark,) = (tmp_path / "stores").iterdir()
    assert main([*words, "--bits-stored", "12"]) == 0
    assert "grey range" not in capsys.readouterr().out
    (bright,) = set((tmp_path / "stores").iterdir()) - {dark}
    assert PreparedStore.open(dark).images.max() == 16
    assert PreparedStore.open(bright).images.max() > 250


def test_medimeta_is_prepared_with_its_own_parts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = write_medimeta(tmp_path / "mammo_calc")
    words = ["--dataset", "medimeta", "--data-dir", str(tmp_path)]
    words += ["--image-size", "224", "--store-dir", str(tmp_path / "stores")]
    assert main(["prepare", *words]) == 0
    assert "*** MedIMeta: the ROI is the published crop" in capsys.readouterr().out
    (folder,) = (tmp_path / "stores").iterdir()
    store = PreparedStore.open(folder)
    np.testing.assert_array_equal(store.images, pixels)
    assert store.manifest["split"] == "MedIMeta's own"
    assert {part: sum(n.values()) for part, n in store.manifest["counts"].items()} == {
        "train": 7,
        "val": 2,
        "test": 3,
    }


def test_the_settings_of_a_config_file_are_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "quick.toml"
    path.write_text('dataset = "phantom"\nrois = 60\nimage_size = 32\nfield_mm = 8\n')
    stores = tmp_path / "stores"
    words = ["--config", str(path), "--store-dir", str(stores), "--rois", "80"]
    assert main(["prepare", *words]) == 0
    (folder,) = stores.iterdir()
    assert len(PreparedStore.open(folder).cases) == 80
    assert "*** This is a phantom" in capsys.readouterr().out


def test_without_a_group_pattern_it_warns_that_each_file_counts_as_a_patient(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_folder(tmp_path / "data")
    words = ["--data-dir", str(root), "--image-size", "32"]
    assert main(["prepare", *words, "--store-dir", str(tmp_path / "stores")]) == 0
    out = capsys.readouterr().out
    assert "*** No --group-pattern: each file counts as a patient" in out


def test_bad_files_among_many_are_skipped_counted_and_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_folder(tmp_path / "data")
    (root / "0" / "a00_0.png").write_bytes(b"")
    whole = (root / "1" / "b01_1.png").read_bytes()
    (root / "1" / "b01_1.png").write_bytes(whole[: len(whole) // 2])
    (root / "1" / "notes.txt").write_text("no image")
    words = ["--data-dir", str(root), "--group-pattern", r"^(\w\d\d)"]
    words += ["--image-size", "32", "--store-dir", str(tmp_path / "stores")]
    assert main(["prepare", *words]) == 0
    captured = capsys.readouterr()
    assert without_bars(captured.err) == ""
    assert "*** 2 of 24 ROIs could not be read and were left out" in captured.out
    assert "*** Files left out because they are no images: 1, such" in captured.out
    (folder,) = (tmp_path / "stores").iterdir()
    manifest = json.loads((folder / "manifest.json").read_text())
    reasons = {each["path"]: each["reason"] for each in manifest["skipped"]}
    assert set(reasons) == {"0/a00_0.png", "1/b01_1.png", "1/notes.txt"}
    assert all(reasons.values())
    images = PreparedStore.open(folder).images
    assert len(images) == 22
    assert (np.asarray(images).std(axis=(1, 2)) > 0).all()


def test_what_can_be_read_is_prepared_even_if_nobody_can_train_on_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], error_of: ErrorOf
) -> None:
    root = make_folder(tmp_path / "data")
    for path in (root / "1").iterdir():
        path.write_bytes(b"")
    words = ["--data-dir", str(root), "--group-pattern", r"^(\w\d\d)"]
    words += ["--image-size", "32", "--store-dir", str(tmp_path / "stores")]
    assert main(["prepare", *words]) == 0
    out = capsys.readouterr().out
    assert "*** 12 of 24 ROIs could not be read and were left out" in out
    assert "*** Part 'train' of the split. Received: only label 0 in" in out
    assert "12 ROIs are ready: " in out
    line = error_of(["train", *words, "--run-dir", str(tmp_path / "run")])
    assert "of one label; expected at least 2 patients of each label" in line
    assert not (tmp_path / "run").exists()


def test_an_unknown_setting_in_the_config_is_answered_with_the_nearest(
    tmp_path: Path, error_of: ErrorOf
) -> None:
    path = tmp_path / "quick.toml"
    path.write_text("image_sise = 32\n")
    line = error_of(["prepare", "--dataset", "phantom", "--config", path])
    assert "quick.toml: Unknown field" in line
    assert "did you mean 'image_size'?" in line
