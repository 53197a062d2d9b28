"""Runs are found at any depth, named apart, and a bad one does not stop the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from keras_wa.errors import UserError
from keras_wa.evaluate.dashboard.discovery import find_runs
from keras_wa.training.config import TrainConfig
from keras_wa.training.run import FORMAT


def make_run(path: Path) -> Path:
    path.mkdir(parents=True)
    record = {"format": FORMAT, **TrainConfig(dataset="phantom").to_mapping()}
    (path / "config.json").write_text(json.dumps(record), encoding="utf-8")
    return path


def names(*paths: Path) -> list[str]:
    return list(find_runs(paths)[0])


def test_a_folder_gives_its_runs_and_nothing_inside_them(tmp_path):
    for name in ("b", "a"):
        make_run(tmp_path / name)
    make_run(tmp_path / "a" / "copy")
    make_run(tmp_path / ".dashboard" / "hidden")
    assert names(tmp_path) == ["a", "b"]


def test_runs_of_a_comparison_are_named_from_where_they_part(tmp_path):
    for name in ("official/vgg16-seed0", "official/tiny-seed0"):
        make_run(tmp_path / "runs" / name)
    assert names(tmp_path) == ["tiny-seed0", "vgg16-seed0"]
    make_run(tmp_path / "runs" / "random-roi" / "tiny-seed0")
    assert names(tmp_path)[1:] == ["official/vgg16-seed0", "random-roi/tiny-seed0"]


def test_runs_of_the_same_name_stay_apart(tmp_path):
    first, second = make_run(tmp_path / "x" / "run"), make_run(tmp_path / "y" / "run")
    assert names(first, second) == ["x/run", "y/run"]
    assert names(first, first.parent) == ["run"], "named twice, shown once"


def test_links_are_followed_but_not_in_circles(tmp_path):
    make_run(tmp_path / "elsewhere" / "run")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "linked").symlink_to(tmp_path / "elsewhere" / "run")
    (tmp_path / "runs" / "circle").symlink_to(tmp_path / "runs")
    assert names(tmp_path / "runs") == ["run"]


def test_a_bad_run_is_a_note(tmp_path):
    make_run(tmp_path / "good")
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "config.json").write_text("{", encoding="utf-8")
    runs, notes = find_runs([tmp_path, tmp_path / "absent"])
    assert list(runs) == ["good"]
    assert f"{bad} is left out: {bad / 'config.json'}: not JSON" in notes[0]
    assert notes[1] == f"{tmp_path / 'absent'} is left out: there is no such folder."


def test_no_run_at_all_says_how_to_make_one(tmp_path):
    with pytest.raises(UserError, match=r"Make one with `train`"):
        find_runs([tmp_path])
