"""What the commands share: config and flags, the dataset under data/, a quiet start."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from keras_wa.cli.shared import choose_dataset
from keras_wa.cli.starting import quiet_start, start_keras
from keras_wa.errors import UserError


def test_nothing_under_data_means_the_phantom_and_that_is_said(tmp_path, capsys):
    values = choose_dataset({"epochs": 3}, tmp_path)
    assert values == {"epochs": 3, "dataset": "phantom"}
    out = capsys.readouterr().out
    assert out.startswith("*** PHANTOM: no data set is under ")
    assert "nothing clinical" in out
    assert "--data-dir" in out


@pytest.mark.parametrize(
    ("folder", "name", "words"),
    [
        ("mine/benign", "folder", "class folders of images"),
        ("cbis-ddsm/cbis_ddsm", "cbis-ddsm", "cbis-ddsm"),
    ],
)
def test_the_dataset_under_data_is_taken_and_that_is_said(
    tmp_path, capsys, folder, name, words
):
    (tmp_path / folder).mkdir(parents=True)
    place = str((tmp_path / folder).parent)
    expected = {"dataset": name, "data_dir": place}
    assert choose_dataset({}, tmp_path) == expected
    assert capsys.readouterr().out == f"Data set found: {place} ({words}).\n"
    assert choose_dataset({"data_dir": place}, tmp_path) == expected


@pytest.mark.parametrize(
    ("given", "more"),
    [
        ({"data_dir": "somewhere"}, {"dataset": "folder"}),
        ({"data_dir": "lists/mine.CSV"}, {"dataset": "csv"}),
        ({"dataset": "inbreast"}, {}),
        ({"dataset": "cmmd", "data_dir": "elsewhere"}, {}),
    ],
)
def test_what_is_given_is_not_searched_for(tmp_path, capsys, given, more):
    for name in ("cmmd", "second"):
        (tmp_path / name / "benign").mkdir(parents=True)
    assert choose_dataset(given, tmp_path) == {**given, **more}
    assert capsys.readouterr().out == ""
    with pytest.raises(UserError, match="Several data sets"):
        choose_dataset({}, tmp_path)


def test_a_named_dataset_lies_in_the_folder_of_its_name(tmp_path):
    (tmp_path / "cmmd").mkdir()
    expected = {"dataset": "cmmd", "data_dir": str(tmp_path / "cmmd")}
    assert choose_dataset({"dataset": "cmmd"}, tmp_path) == expected


def _noise(text: str) -> None:
    """Writes to stderr as C++ does, and as Python does into its buffer."""
    os.write(2, f"{text} by C++\n".encode())
    sys.stderr.write(f"{text} by Python\n")


@pytest.fixture
def buffered() -> Iterator[TextIO]:
    """A stderr with a buffer in front of the descriptor."""
    with open(2, "w", closefd=False) as stream:
        yield stream


def test_a_start_that_works_is_quiet_and_stderr_is_back_afterwards(
    buffered, capfd, monkeypatch
):
    monkeypatch.setattr(sys, "stderr", buffered)
    with quiet_start():
        _noise("held back")
    _noise("shown")
    sys.stderr.flush()
    assert capfd.readouterr().err == "shown by C++\nshown by Python\n"


def test_a_start_that_fails_shows_what_was_held_back(buffered, capfd, monkeypatch):
    monkeypatch.setattr(sys, "stderr", buffered)

    def fail() -> None:
        with quiet_start():
            _noise("held back")
            raise ImportError("no tensorflow")

    with pytest.raises(ImportError):
        fail()
    _noise("shown")
    sys.stderr.flush()
    assert capfd.readouterr().err == (
        "held back by C++\nheld back by Python\nshown by C++\nshown by Python\n"
    )


def test_no_descriptor_is_left_open():
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system does not list a process's descriptors")
    with quiet_start():
        pass
    before = count()
    for _ in range(5):
        with quiet_start():
            pass
    assert count() == before


def test_tensorflow_is_imported(monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    start_keras()
    assert "tensorflow" in sys.modules
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "2"
