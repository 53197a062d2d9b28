"""A run finds its data from any folder, and no other data under the same names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from keras_wa.cli import main
from keras_wa.errors import UserError
from keras_wa.training.config import TrainConfig
from keras_wa.training.run import Run
from tests.tiny_model import flags

ROIS = 12
"""Of each class."""

TRAIN = flags(
    dataset=None, rois=None, field_mm=None, data_dir="set", epochs=1, batch_size=8
)


def write_set(root: Path, seed: int) -> None:
    """Class folders of noise and an empty file; the same names whatever the seed."""
    rng = np.random.default_rng(seed)
    for label in ("benign", "malignant"):
        (root / label).mkdir(parents=True)
        for i in range(ROIS):
            image = rng.integers(0, 256, (40, 40), np.uint8)
            assert cv2.imwrite(str(root / label / f"p{i}.png"), image)
    (root / "malignant" / "empty.png").touch()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_model: None) -> Path:
    """A folder with `set/` and, trained from inside it and evaluated, `run/`."""
    here = tmp_path_factory.mktemp("here")
    write_set(here / "set", 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        assert main(["train", *TRAIN, "--run-dir", "run"]) == 0
        assert main(["evaluate", "run", "--resamples", "5"]) == 0
    return here


@pytest.fixture
def here(trained: Path, tmp_path: Path) -> Path:
    """A copy of that folder whose run knows the copy's own data."""
    here = Path(shutil.copytree(trained, tmp_path / "here"))
    file = here / "run" / "config.json"
    file.write_text(file.read_text().replace(str(trained), str(here)))
    return here


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def change_one(folder: Path) -> str:
    """Gives a test ROI other pixels, in place; returns its name."""
    table = (folder / "run" / "split.csv").read_text().splitlines()
    name = next(line for line in table if ",test," in line).split(",")[0]
    assert cv2.imwrite(str(folder / "set" / name), np.zeros((40, 40), np.uint8))
    return name


def test_a_run_finds_its_data_whatever_the_current_folder(here, tmp_path, monkeypatch):
    write_set(tmp_path / "set", 1)  # Other data under the same relative path.
    before = contents(here / "run" / "evaluation" / "test")
    for folder in (here, tmp_path):
        monkeypatch.chdir(folder)
        assert main(["evaluate", str(here / "run"), "--resamples", "5"]) == 0
        found = contents(here / "run" / "evaluation" / "test")
        assert found["metrics.json"] == before["metrics.json"]
    assert not list(tmp_path.glob("data"))


def test_results_say_what_was_left_out_and_what_the_split_is(here):
    folder = here / "run" / "evaluation" / "test"
    left_out = (
        "1 of 25 ROIs could not be read and were left out: benign 0 of 12, malignant 1 "
        "of 13; the share of malignant ROIs went from 52.0 % to 50.0 %"
    )
    for file in ("metrics.json", "report.html"):
        text = (folder / file).read_text()
        assert left_out in text
        assert "drawn by patient (seed 0)" in text
        assert "official" not in text


def test_a_config_file_and_what_lies_under_data_last_as_flags_do(here, monkeypatch):
    begun: list[TrainConfig] = []

    def train(run: Run, *_: Any, **__: Any) -> None:
        begun.append(run.config)
        raise UserError("enough")

    monkeypatch.setattr("keras_wa.training.fit.train", train)
    monkeypatch.chdir(here)
    (here / "mine.toml").write_text('data_dir = "set"\nstore_dir = "~/stores"\n')
    monkeypatch.setenv("HOME", str(here))
    words = ["train", *flags(dataset=None, rois=None, field_mm=None)]
    assert main([*words, "--config", "mine.toml"]) == 2
    shutil.copytree(here / "set", here / "data" / "folder")
    assert main([*words, "--dataset", "folder"]) == 2
    assert [each.data_dir for each in begun] == [f"{here}/set", f"{here}/data/folder"]
    stores = [f"{here}/stores", f"{here}/data/prepared"]
    assert [each.store_dir for each in begun] == stores


def test_other_data_under_the_same_names_are_refused_before_anything_is_written(
    here, monkeypatch, error_of
):
    name = change_one(here)
    run, before = here / "run", contents(here / "run" / "evaluation" / "test")
    monkeypatch.chdir(here)
    resumed = ["train", *TRAIN, "--run-dir", "run", "--resume"]
    for words in (["evaluate", "run"], ["explain", "run"], resumed):
        line = error_of(words)
        found = "1 of 24 ROIs have different pixels than in the training, the first"
        assert f"{found} '{name}'" in line
    assert contents(run / "evaluation" / "test") == before
    assert error_of([*resumed, "--allow-changed-data"])


def test_changed_data_are_noted_in_every_result(here, tmp_path, capsys, error_of):
    run, other = here / "run", here / "other"
    shutil.copytree(run, other)
    change_one(here)
    (run / "decision.json").unlink()
    note = "Changed data: 1 of 24 ROIs have different pixels than in the training"
    allowed = ["--allow-changed-data"]
    for words in (
        ["evaluate", str(run), "--resamples", "5"],
        ["explain", str(run), "--n", "2", "--random", "0"],
    ):
        assert main([*words, *allowed]) == 0
        assert f"*** {note}" in capsys.readouterr().out
    folder = run / "evaluation" / "test"
    for file in ("metrics.json", "report.html", "explain/scores.json"):
        assert note in (folder / file).read_text(), file
    # What is predicted later is not to depend on them, for it would not say so.
    assert not (run / "decision.json").exists()
    # Its test part had other pixels than that of the run as it was evaluated before.
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "seed": 1}))
    out = ["--out", str(tmp_path / "out"), "--resamples", "5"]
    line = error_of(["compare", str(run), str(other), *out])
    assert f"{other} was tested on different images than {run}" in line
    # Where both are evaluated on these data, the note stands on the comparison.
    assert main(["evaluate", str(other), "--resamples", "5", *allowed]) == 0
    assert main(["compare", str(run), str(other), *out]) == 0
    for file in ("comparison.json", "comparison.md", "comparison.html"):
        assert note in (tmp_path / "out" / file).read_text(), file


def test_data_that_moved_are_found_where_they_are_named(here, monkeypatch, error_of):
    (here / "set").rename(here / "moved")
    monkeypatch.chdir(here)
    for words in (["evaluate", "run"], ["train", "--run-dir", "run", "--resume"]):
        line = error_of(words)
        assert f"{here}/set: the data of run are missing" in line
        assert "or give its new location as --data-dir" in line
    moved = ["--data-dir", "moved"]
    words = ["evaluate", "run", "--resamples", "5", "--store-dir", "stores"]
    assert main([*words, *moved]) == 0
    assert list((here / "stores").iterdir())
    assert main(["train", "--run-dir", "run", "--resume", *moved]) == 0
    # The resumed run remembers the place.
    assert main(["evaluate", "run", "--resamples", "5"]) == 0


def test_a_moved_run_leaves_the_place_alone_where_it_was(here, monkeypatch, capsys):
    moved = here.rename(here.with_name("moved"))
    shutil.rmtree(moved / "data")
    monkeypatch.chdir(moved)
    words = ["evaluate", "run", "--data-dir", "set", "--resamples", "5"]
    said = f"{here}/data is missing: prepared ROIs are kept in {moved}/data"
    for each in (words, ["train", "--run-dir", "run", "--resume", *words[2:4]]):
        assert main(each) == 0
        assert said in capsys.readouterr().out
        assert not here.exists()
        assert len(list((moved / "data" / "prepared").iterdir())) == 1
    # The resumed run remembers this place, too.
    assert main(words) == 0
    assert "is missing" not in capsys.readouterr().out


def test_a_store_folder_that_cannot_be_made_names_its_flag(here, error_of):
    (here / "file").touch()
    line = error_of(["evaluate", here / "run", "--store-dir", here / "file/x"])
    assert "cannot be written (Not a directory)" in line
    assert "choose one with --store-dir" in line


def test_a_resumed_run_accepts_its_own_relative_paths_again(here, monkeypatch):
    monkeypatch.chdir(here / "set")
    words = [word if word != "set" else "../set" for word in TRAIN]
    assert main(["train", *words, "--run-dir", "../run", "--resume"]) == 0
    # Relative paths in config.json are accepted, too.
    file = here / "run" / "config.json"
    file.write_text(file.read_text().replace(f"{here}/", ""))
    monkeypatch.chdir(here)
    assert main(["train", *TRAIN, "--run-dir", "run", "--resume"]) == 0
