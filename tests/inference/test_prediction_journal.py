"""A job of predictions that is started again goes on, and never with what is stale."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from keras_wa.errors import UserError
from keras_wa.inference.prediction_journal import PredictionJournal

SETTINGS: dict[str, Any] = {"weights": "abc", "tta": 8}


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    found = [tmp_path / f"{i}.png" for i in range(6)]
    for i, file in enumerate(found[:5]):  # The last is missing.
        file.write_text(str(i))
    return found


def records(i: int) -> list[dict[str, Any]]:
    """The records of a file: two of file 1."""
    record = {"file": f"{i}.png", "probability": i / 7, "error": "bad" * (i == 2)}
    return [record] * (2 if i == 1 else 1)


def add(journal: PredictionJournal, files: list[Path], up_to: int) -> None:
    for i in range(journal.done, up_to):
        journal.add(files[i], records(i))


def begin(folder: Path, files: list[Path], up_to: int) -> None:
    """Writes the records of the first files."""
    with PredictionJournal(folder, SETTINGS, files) as journal:
        add(journal, files, up_to)


def done(
    folder: Path, files: list[Path], multiple: int = 1, **settings: Any
) -> tuple[int, int]:
    """Opens a journal; returns its number of files and of records."""
    with PredictionJournal(folder, SETTINGS | settings, files, multiple) as journal:
        assert len(list(journal.records())) == journal.count
        return journal.done, journal.count


def test_a_second_start_has_the_records_of_the_first(
    tmp_path: Path, files: list[Path]
) -> None:
    with PredictionJournal(tmp_path, SETTINGS, files) as journal:
        assert (journal.done, journal.count) == (0, 0)
        add(journal, files, 4)
    with PredictionJournal(tmp_path, SETTINGS, files) as journal:
        assert (journal.done, journal.count) == (4, 5)
        add(journal, files, 6)
        assert list(journal.records()) == [r for i in range(6) for r in records(i)]
    assert done(tmp_path, files) == (6, 7)


def test_a_batch_that_was_not_complete_is_repeated(
    tmp_path: Path, files: list[Path]
) -> None:
    begin(tmp_path, files, 5)
    assert done(tmp_path, files, multiple=2) == (4, 5)
    assert done(tmp_path, files, multiple=4) == (4, 5)
    assert done(tmp_path, files, multiple=5) == (0, 0), "what is left is removed"
    assert done(tmp_path, files) == (0, 0)


def test_records_of_other_settings_are_neither_taken_nor_lost(
    tmp_path: Path, files: list[Path]
) -> None:
    begin(tmp_path, files, 4)
    with pytest.raises(UserError, match="results of another model, or of other opt"):
        done(tmp_path, files, weights="other")
    with PredictionJournal(tmp_path, SETTINGS, files) as journal:
        assert (journal.done, journal.count, journal.good) == (4, 5, 3)


def test_settings_may_change_before_the_first_record(
    tmp_path: Path, files: list[Path]
) -> None:
    assert done(tmp_path, files, weights="other") == (0, 0)
    assert done(tmp_path, files) == (0, 0)


def test_a_file_that_changes_during_the_job_is_classified_again(
    tmp_path: Path, files: list[Path]
) -> None:
    with PredictionJournal(tmp_path, SETTINGS, files) as journal:
        add(journal, files, 2)
        files[2].write_text("changed")  # Perhaps after it was read.
        add(journal, files, 4)
    assert done(tmp_path, files) == (2, 3)


def test_records_are_kept_up_to_the_first_file_that_changed(
    tmp_path: Path, files: list[Path]
) -> None:
    begin(tmp_path, files, 6)
    files[5].touch()  # It was missing.
    assert done(tmp_path, files) == (5, 6)
    os.utime(files[3], ns=(0, 0))
    assert done(tmp_path, files) == (3, 4)
    assert done(tmp_path, [files[0], files[2], files[1]]) == (1, 1)
    assert done(tmp_path, files) == (1, 1)


def test_a_truncated_line_is_repeated(tmp_path: Path, files: list[Path]) -> None:
    begin(tmp_path, files, 3)
    (path,) = tmp_path.glob("*.jsonl")
    for cut in (1, 2, 20):
        path.write_bytes(path.read_bytes()[:-cut])
        with PredictionJournal(tmp_path, SETTINGS, files) as journal:
            assert journal.done == 2
            add(journal, files, 3)
    path.write_bytes(path.read_bytes()[:-20] + b"\xff" * 20 + b"\n")
    assert done(tmp_path, files) == (2, 3)
    path.write_bytes(path.read_bytes()[:30])
    assert done(tmp_path, files) == (0, 0)
