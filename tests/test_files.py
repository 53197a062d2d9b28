"""Files appear whole or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from keras_wa.errors import UserError
from keras_wa.files import (
    put_back,
    remove_partials,
    replacing,
    walk_files,
    write_json,
)


def test_a_walk_gives_every_file_once_by_name(tmp_path: Path) -> None:
    for name in ("b/2.txt", "b/1.txt", "a.txt", ".hidden", ".folder/x", "elsewhere/y"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    root = tmp_path / "b"
    (root / "up").symlink_to(tmp_path)
    (root / "z.txt").symlink_to(root / "1.txt")
    # It sorts before its target, which has its own path nevertheless.
    (root / "latest").symlink_to(tmp_path / "elsewhere")
    assert list(walk_files(tmp_path)) == [
        *("a.txt", "b/1.txt", "b/2.txt", "b/z.txt", "elsewhere/y")
    ]
    assert list(walk_files(root)) == [
        *("1.txt", "2.txt", "z.txt", "latest/y", "up/a.txt")
    ]
    assert list(walk_files(root, follow_links=False)) == ["1.txt", "2.txt", "z.txt"]


def test_a_folder_that_cannot_be_walked_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone: cannot be listed \(No such file"):
        list(walk_files(tmp_path / "gone"))


def test_a_file_appears_under_its_name_only_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "scores.csv"
    with replacing(target) as partial:
        partial.write_text("new")
        assert not target.exists()
        assert partial.parent == tmp_path, "a rename is atomic within one folder"
        assert partial.suffix == ".csv", "Keras and OpenCV choose the format by it"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_failure_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, kind: str
) -> None:
    target = tmp_path / "target"
    if kind == "folder":
        target.mkdir()
        (target / "inside").write_text("old")
    else:
        target.write_text("old")

    def fail_half_way() -> None:
        with replacing(target) as partial:
            if kind == "folder":
                partial.mkdir()
            (partial / "inside" if kind == "folder" else partial).write_text("half")
            raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        fail_half_way()
    assert list(tmp_path.iterdir()) == [target]
    inside = target / "inside" if kind == "folder" else target
    assert inside.read_text() == "old"


def test_a_folder_replaces_an_older_folder_whole(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").write_text("old")
    with replacing(target) as partial:
        partial.mkdir()
        (partial / "new").write_text("new")
    assert [path.name for path in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with old content."""
    (tmp_path / "[a] model").mkdir()
    (tmp_path / "[a] model" / "inside").write_text("old")
    return tmp_path / "[a] model"


def replace_with_new(target: Path) -> None:
    with replacing(target) as partial:
        partial.mkdir()
        (partial / "inside").write_text("new")


@pytest.mark.parametrize("failing", [1, 2])
def test_an_old_folder_outlives_a_rename_that_fails(
    model: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    real, calls = os.rename, []

    def rename(source: Path, target: Path) -> None:
        calls.append(source)
        if len(calls) == failing:
            raise PermissionError("not now")
        real(source, target)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(PermissionError, match="not now"):
        replace_with_new(model)
    assert (model / "inside").read_text() == "old"
    assert list(model.parent.iterdir()) == [model]


def test_an_old_folder_that_cannot_even_be_put_back_is_kept_aside(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.rename, []

    def rename(source: Path, target: Path) -> None:
        calls.append(source)
        if len(calls) > 1:
            raise PermissionError("no more")
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", rename)
        with pytest.raises(PermissionError, match="no more"):
            replace_with_new(model)
    assert not model.exists()
    put_back(model)
    assert (model / "inside").read_text() == "old"
    assert list(model.parent.iterdir()) == [model]


KILLED = """
import os, pathlib, shutil, signal, sys
from keras_wa.files import replacing
target, moment = pathlib.Path(sys.argv[1]), int(sys.argv[2])
calls = []
def killing(real):
    def call(*given, **named):
        calls.append(real)
        if len(calls) > moment:
            if real is shutil.rmtree:
                os.remove(given[0] / "inside")  # It has got as far as this.
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given, **named)
    return call
with replacing(target) as partial:
    partial.mkdir()
    (partial / "inside").write_text("new")
    os.rename, shutil.rmtree = killing(os.rename), killing(shutil.rmtree)
"""


@pytest.mark.parametrize("after", ["cleaning up", "writing it again"])
@pytest.mark.parametrize(
    ("moment", "kept"), [(0, "old"), (1, "old"), (2, "new"), (3, "new")]
)
def test_a_process_killed_while_it_replaces_a_folder_loses_neither(
    model: Path, moment: int, kept: str, after: str
) -> None:
    command = [sys.executable, "-c", KILLED, str(model), str(moment)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    if after == "cleaning up":
        remove_partials(model.parent)
        assert list(model.parent.iterdir()) == [model]
    else:
        with pytest.raises(OSError, match="full"), replacing(model):
            raise OSError("full")
        assert not list(model.parent.glob(".replaced-*"))
    assert (model / "inside").read_text() == kept


def test_a_folder_takes_the_place_of_a_link_and_leaves_what_it_leads_to(
    model: Path,
) -> None:
    link = model.with_name("link")
    link.symlink_to(model)
    replace_with_new(link)
    assert (link / "inside").read_text() == "new"
    assert not link.is_symlink()
    assert (model / "inside").read_text() == "old"


def test_a_file_never_takes_the_place_of_a_folder(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.mkdir()
    (target / "data").write_text("kept")
    with pytest.raises(OSError, match="precious"), replacing(target) as partial:
        partial.write_text("a file")
    assert (target / "data").read_text() == "kept"
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text("kept")
    (tmp_path / ".4711.partial-history.csv").write_text("half")
    (tmp_path / ".4711.partial-epoch-00002").mkdir()
    (tmp_path / ".4711.partial-epoch-00002" / "model.weights.h5").write_text("half")
    remove_partials(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["history.csv"]


def test_a_leftover_with_the_same_process_number_is_no_obstacle(tmp_path: Path) -> None:
    target = tmp_path / "epoch-00001"
    with replacing(target) as partial:
        name = partial.name
        partial.mkdir()
    (tmp_path / name).mkdir()
    (tmp_path / name / "half").write_text("half")
    with replacing(target) as partial:
        partial.mkdir()
    assert list(target.iterdir()) == []
    assert list(tmp_path.iterdir()) == [target]


def test_json_is_readable_and_reads_back(tmp_path: Path) -> None:
    record = {"auc": 0.75, "names": ["a", "b"], "none": None}
    write_json(tmp_path / "record.json", record)
    text = (tmp_path / "record.json").read_text()
    assert json.loads(text) == record
    assert text.endswith("}\n")
    assert len(text.splitlines()) > 3


def test_json_refuses_nan_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "record.json", {"auc": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_not_put_back_while_another_one_takes_its_place(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aside = model.with_name(f".replaced-{model.name}")
    model.rename(aside)

    def meanwhile(_: float) -> None:
        model.mkdir()
        (model / "inside").write_text("new")

    monkeypatch.setattr(time, "sleep", meanwhile)
    put_back(model)
    assert (model / "inside").read_text() == "new"
    assert list(model.parent.iterdir()) == [model]
