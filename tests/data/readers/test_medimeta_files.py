"""MedIMeta's layout: files that are not as published."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from keras_wa.data import ReadOptions, load_cases
from keras_wa.data.classes import class_indices
from keras_wa.errors import UserError
from tests.data.readers.medimeta_tree import (
    INFO,
    LABELS,
    info_of,
    labels_of,
    lines_of,
    set_at,
    table_of,
    task,
)


def absent(name: str) -> Callable[[Path], None]:
    return lambda root: (root / name).unlink()


def cut(name: str, size: int) -> Callable[[Path], int]:
    return lambda root: (root / name).write_bytes((root / name).read_bytes()[:size])


def without_images(spoil: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda root: (shutil.rmtree(root / "images"), spoil(root))


def add(path: str) -> Callable[[Path], None]:
    return lines_of("test", lambda lines: [*lines, path])


def archive(root: Path) -> None:
    file = root / "task_labels" / "pathology.npy"
    np.savez(root / "labels.npz", np.load(file))
    (root / "labels.npz").replace(file)


def group(root: Path) -> None:
    with h5py.File(root / "images.hdf5", "w") as file:
        file.create_group("images")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (absent("splits/val.txt"), r"val\.txt: cannot be read as a list .*No such fil"),
        (add("images/000012.tiff"), "line 4. Received: 'images/000012.tiff'; expected"),
        (add("images/000001.tiff"), "line 4. .*0001.tiff', already in train.txt; exp"),
        (add("images/../../000012.tiff"), r"test.txt: line 4. .*'images/\.\./\.\./0"),
        (lines_of("val", lambda all_: all_[1:]), "Received: 1, such as 000009; expec"),
        (absent("task_labels/pathology.npy"), r"\.npy: cannot be read as labels .*No"),
        (cut("task_labels/pathology.npy", 140), r"\.npy: cannot be read as labels "),
        (archive, r"pathology\.npy: cannot be read as labels .*magic string"),
        (labels_of([*LABELS, 1]), "such as 000012; .* each of the 13 labels"),
        (labels_of(LABELS[:11]), "'images/000011.tiff'; .* each of the 11 labels"),
        (labels_of([*LABELS[:11], 2]), r"label of image 000011\. Received: 2; expec"),
        (labels_of([[1, 0]] * 12), r"shape of the labels\. Received: \(12, 2\)"),
        (
            lambda root: (root / "info.yaml").write_text("tasks: [\n"),
            r"info\.yaml: cannot be read as YAML",
        ),
        (info_of(id="oct"), "id. Received: 'oct'; expected mammo_calc or mammo_mass"),
        (info_of(id=["oct"]), r"id. Received: \['oct'\]; expected mammo_calc"),
        (info_of(tasks=INFO["tasks"][1:]), r"'pathology'. Received: tasks \[\{'label"),
        *(
            (info_of(tasks=tasks), rf"'pathology'. Received: tasks {shown}; expected")
            for tasks, shown in (
                (3, "3"),
                (["pathology"], r"\['pathology'\]"),
                ([{"task_name": ["x"]}], r"\[\{'task_name': \['x'\]\}\]"),
            )
        ),
        *(
            (info_of(tasks=task(labels)), rf"'pathology'. Received: {shown}; expected")
            for labels, shown in (
                (["benign", "malignant"], r"\['benign', 'malignant'\]"),
                ({0: "benign", "1": "malignant"}, r"\{0: 'benign', '1': 'malignant'\}"),
            )
        ),
        (info_of(tasks=task({0: "benign", 1: "x"})), r"Received: \{0: 'benign', 1: 'x"),
        (
            info_of(tasks=task({0: "benign", 1: "malignant", 2: "malignant"})),
            "expected a number for each of benign and malignant",
        ),
        (info_of(input_size=[3, 224, 224]), r"input_size\. Received: \[3, 224, 224\]"),
        (set_at(2, "split", "val"), "line 4, split of .*: 'val'; expected 'train', as"),
        (set_at(2, "tasks/pathology", "0"), "line 4, tasks/path.*: '0'; expected '1'"),
        (set_at(2, "filepath", "images/000001.tiff"), "line 4, .*1.tiff a second time"),
        (set_at(2, "filepath", "images/000099.tiff"), "line 4, filepath.*000099.tiff;"),
        (
            table_of(lambda table: table.assign(breast_density="1")),
            "columns. Received: 'breast_density' in two spellings",
        ),
        (
            table_of(lambda table: table.assign(patient_id="P_1")),
            "1 patients are in more than one part of the split",
        ),
        (without_images(absent("images.hdf5")), "images.hdf5: cannot be read as HDF5"),
        (
            without_images(cut("images.hdf5", 9000)),
            "images.hdf5: .*truncated.*or the folder i",
        ),
        (without_images(group), "data set 'images'. Received: a group; expected uint8"),
        (
            without_images(info_of(input_size=[1, 96, 96])),
            r"Received: uint8 \(12, 224, 224\); expected uint8 \(12, 96, 96\), as many",
        ),
    ],
)
def test_a_file_that_is_not_as_published_is_named(medimeta, spoil, message):
    spoil(medimeta)
    with pytest.raises(UserError, match=message) as caught:
        load_cases("medimeta", medimeta)
    assert "\n" not in str(caught.value)


def test_what_the_labels_do_not_tell_cannot_be_asked_for(written_medimeta):
    with pytest.raises(UserError, match="`classes=3` needs the pathology"):
        class_indices(load_cases("medimeta", written_medimeta).cases, 3)
    options = ReadOptions(drop_without_callback=True)
    with pytest.raises(UserError, match="`drop_without_callback`: MedIMeta's labels"):
        load_cases("medimeta", written_medimeta, options=options)
