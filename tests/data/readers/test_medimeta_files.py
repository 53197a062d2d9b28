"""MedIMeta's layout: files that are not as published."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

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


def cut(root: Path, name: str, size: int) -> None:
    (root / name).write_bytes((root / name).read_bytes()[:size])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda root: (root / "splits" / "val.txt").unlink(),
            r"splits/val\.txt: cannot be read .*No such file.*the list of the images",
        ),
        (
            lines_of("test", lambda lines: [*lines, "images/000012.tiff"]),
            r"test\.txt: line 4, number of the image\. Received: images/000012\.tiff; "
            r"expected at most 000011, since task_labels/pathology\.npy has 12 labels",
        ),
        (
            lines_of("test", lambda lines: [*lines, "images/000001.tiff"]),
            r"test\.txt: line 4\. Received: images/000001\.tiff, which is in train",
        ),
        (
            lines_of("test", lambda lines: [*lines, lines[0]]),
            r"test\.txt: line 4\. Received: images/000006\.tiff, which is in test\.txt",
        ),
        (
            lines_of("val", lambda lines: lines[1:]),
            r"that are in no list\. Received: 1 of 12, such as 000009; expected each",
        ),
        (
            lines_of("val", lambda lines: ["images/../../000009.tiff", *lines]),
            r"val\.txt: line 1\. Received: 'images/\.\./\.\./000009\.tiff'; expected a",
        ),
        (
            lambda root: (root / "task_labels" / "pathology.npy").unlink(),
            r"pathology\.npy: cannot be read as labels .*No such file",
        ),
        (
            lambda root: cut(root, "task_labels/pathology.npy", 140),
            r"pathology\.npy: cannot be read as labels .*Unpack the archive again",
        ),
        (
            labels_of([*LABELS, 1]),
            r"that are in no list\. Received: 1 of 13, such as 000012",
        ),
        (labels_of(LABELS[:11]), "Received: images/000011.tiff; expected at most 0000"),
        (
            labels_of([*LABELS[:11], 2]),
            r"label of image 000011\. Received: 2; expected one of 0 \(benign\), 1",
        ),
        (labels_of([[1, 0]] * 12), r"shape of the labels\. Received: \(12, 2\); expec"),
        (
            lambda root: (root / "info.yaml").write_text("tasks: [\n"),
            r"info\.yaml: cannot be read as YAML",
        ),
        (info_of(id="oct"), "id. Received: 'oct'; expected mammo_calc or mammo_mass"),
        (
            info_of(tasks=INFO["tasks"][1:]),
            "tasks. Received: calc type; expected 'pathology' among them",
        ),
        (info_of(tasks=None), "tasks. Received: none; expected 'pathology'"),
        (
            info_of(tasks=task({0: "benign", 1: "normal"})),
            r"labels of the task 'pathology'\. Received: \{0: 'benign', 1: 'normal'\}",
        ),
        (
            info_of(tasks=task({0: "benign", 1: "malignant", 2: "malignant"})),
            "labels of the task 'pathology'",
        ),
        (info_of(tasks=task(None)), "labels of the task 'pathology'. Received: None"),
        (info_of(input_size=[3, 224, 224]), r"input_size\. Received: \[3, 224, 224\]"),
        (
            set_at(2, "split", "val"),
            r"line 4, split of images/000002\.tiff\. Received: 'val'; expected 'train',"
            " as splits/ has it",
        ),
        (
            set_at(2, "tasks/pathology", "0"),
            r"line 4, tasks/pathology of images/000002\.tiff\. Received: '0'; expected "
            r"'1', as task_labels/pathology\.npy has it",
        ),
        (
            set_at(2, "filepath", "images/000001.tiff"),
            r"line 4, filepath\. Received: 'images/000001\.tiff' a second time",
        ),
        (
            set_at(2, "filepath", "images/000099.tiff"),
            r"line 4, filepath\. Received: 'images/000099\.tiff'; expected each path",
        ),
        (
            table_of(lambda table: table.assign(breast_density="1")),
            "column 'breast_density' is there twice",
        ),
        (
            table_of(lambda table: table.assign(patient_id="P_1")),
            "1 patients are in more than one part of the split",
        ),
    ],
)
def test_a_file_that_is_not_as_published_is_named(
    medimeta: Path, spoil: Callable[[Path], object], message: str
) -> None:
    spoil(medimeta)
    with pytest.raises(UserError, match=message) as caught:
        load_cases("medimeta", medimeta)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda root: (root / "images.hdf5").unlink(), "images.hdf5: cannot be read"),
        (
            lambda root: cut(root, "images.hdf5", 9000),
            r"images\.hdf5: cannot be read .*truncated.*or the folder images/ beside",
        ),
        (labels_of(LABELS[:3]), r"expected at most 000002"),
        (
            info_of(input_size=[1, 96, 96]),
            r"Received: uint8 \(12, 224, 224\); expected uint8 \(12, 96, 96\), as many",
        ),
    ],
)
def test_an_hdf5_that_is_cut_off_or_of_other_images_is_named(
    medimeta: Path, spoil: Callable[[Path], object], message: str
) -> None:
    shutil.rmtree(medimeta / "images")
    spoil(medimeta)
    with pytest.raises(UserError, match=message) as caught:
        load_cases("medimeta", medimeta)
    assert "\n" not in str(caught.value)


def test_what_the_labels_do_not_tell_cannot_be_asked_for(
    written_medimeta: Path,
) -> None:
    with pytest.raises(UserError, match="`classes=3` goes by the pathology"):
        class_indices(load_cases("medimeta", written_medimeta).cases, 3)
    options = ReadOptions(drop_without_callback=True)
    with pytest.raises(UserError, match="`drop_without_callback`: MedIMeta's labels"):
        load_cases("medimeta", written_medimeta, options=options)
