"""Identical files are found by content, and only across patients."""

from __future__ import annotations

import hashlib

from keras_wa.data.case_table import new_case_table
from keras_wa.data.duplicates import duplicates_note, hash_files


def make(folder, *files: tuple[str, str, str, int, bytes]):
    rows = []
    for name, patient, part, label, data in files:
        (folder / name).write_bytes(data)
        rows.append(
            {
                "roi_id": name,
                "patient_id": patient,
                "label": label,
                "split": part,
                "image_path": name,
            }
        )
    return new_case_table(rows)


def test_hashes_are_sha256_and_none_for_what_cannot_be_read(tmp_path):
    (tmp_path / "a").write_bytes(b"abc" * 500_000)
    assert hash_files(tmp_path, ["a", "b"]) == {
        "a": hashlib.sha256(b"abc" * 500_000).hexdigest(),
        "b": None,
    }


def test_copies_under_other_patients_are_counted(tmp_path):
    cases = make(
        tmp_path,
        ("a", "p1", "train", 0, b"one"),
        ("b", "p2", "test", 0, b"one"),
        ("c", "p3", "train", 1, b"one"),
        ("d", "p4", "train", 0, b"two"),
        ("e", "p5", "train", 0, b"two"),
        ("f", "p6", "train", 0, b"six"),
    )
    note = duplicates_note(tmp_path, cases)
    assert note is not None
    assert note.startswith("5 files are byte-identical copies of 2 images")
    assert "1 of these images are in training and in test" in note
    assert "1 under both labels" in note


def test_copies_of_one_patient_and_files_of_one_size_are_no_duplicates(tmp_path):
    cases = make(
        tmp_path,
        ("a", "p1", "train", 0, b"one"),
        ("b", "p1", "train", 0, b"one"),
        ("c", "p2", "train", 0, b"two"),
    )
    assert duplicates_note(tmp_path, cases) is None


def test_empty_and_absent_files_are_left_to_the_reader(tmp_path):
    cases = make(tmp_path, ("a", "p1", "train", 0, b""), ("b", "p2", "train", 0, b""))
    assert duplicates_note(tmp_path, cases) is None
    (tmp_path / "a").unlink()
    assert duplicates_note(tmp_path, cases) is None
