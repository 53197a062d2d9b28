"""`keras-wa prepare`."""

from __future__ import annotations

from keras_wa.cli import main
from keras_wa.data.pipeline import PreparedStore
from tests.cli.bars import without_bars
from tests.data.pipeline.folders import make_folder


def test_a_store_is_made_that_train_will_find(tmp_path, capsys):
    root = make_folder(tmp_path / "data")
    words = ["--data-dir", str(root), "--group-pattern", r"^(\w\d\d)"]
    words += ["--image-size", "32", "--store-dir", str(tmp_path / "stores")]
    assert main(["prepare", *words]) == 0
    captured = capsys.readouterr()
    out = captured.out
    (folder,) = (tmp_path / "stores").iterdir()
    assert f"24 ROIs are ready: {folder}" in out
    assert "*** Class folders: 0 is label 0, 1 is label 1" in out
    assert without_bars(captured.err) == ""
    store = PreparedStore.open(folder)
    assert store.images.shape == (24, 32, 32)
    assert store.cases["patient_id"].nunique() == 12
    stamps = [path.stat().st_mtime_ns for path in sorted(folder.iterdir())]
    assert main(["prepare", *words]) == 0
    assert [path.stat().st_mtime_ns for path in sorted(folder.iterdir())] == stamps


def test_the_settings_of_a_config_file_are_taken(tmp_path, capsys):
    path = tmp_path / "quick.toml"
    path.write_text('dataset = "phantom"\nrois = 60\nimage_size = 32\nfield_mm = 8\n')
    stores = tmp_path / "stores"
    words = ["--config", str(path), "--store-dir", str(stores), "--rois", "80"]
    assert main(["prepare", *words]) == 0
    (folder,) = stores.iterdir()
    assert len(PreparedStore.open(folder).cases) == 80
    assert "*** This is a phantom" in capsys.readouterr().out


def test_what_can_be_read_is_prepared_even_if_nobody_can_train_on_it(
    tmp_path, capsys, error_of
):
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
