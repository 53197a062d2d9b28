"""MedIMeta's layout, as the scripts of its version 1.0 write it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from keras_wa.datasets import (
    ReadOptions,
    check_split,
    class_indices,
    load_cases,
    split_cases,
)
from keras_wa.errors import UserError

PARTS = ["train"] * 6 + ["test"] * 3 + ["val"] * 2 + ["train"]
"""Of each image: the parts are no runs, since patients were drawn for validation."""

LABELS = [0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0]
PATIENTS = [2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9]
INFO: dict[str, Any] = {
    "id": "mammo_calc",
    "name": "Mammography (Calcifications)",
    "tasks": [
        {
            "task_name": "pathology",
            "task_target": "BINARY_CLASSIFICATION",
            "labels": {0: "benign", 1: "malignant"},
        },
        {
            "task_name": "calc type",
            "task_target": "MULTILABEL_CLASSIFICATION",
            "labels": {0: "AMORPHOUS", 1: "PLEOMORPHIC"},
        },
    ],
    "input_size": [1, 224, 224],
    "license": "Creative Commons Attribution-ShareAlike 4.0 International",
}
MASS = ReadOptions(lesion="mass")


def pixels_of(count: int, shape: tuple[int, int] = (224, 224)) -> np.ndarray:
    """Random images, all grey levels in each."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, *shape), dtype=np.uint8)


def annotations() -> pd.DataFrame:
    """The columns of `mammo_calc`, in their order."""
    names = {0: "benign", 1: "malignant"}
    return pd.DataFrame(
        {
            "filepath": [f"images/{i:06d}.tiff" for i in range(12)],
            "split": PARTS,
            "tasks/pathology": LABELS,
            "tasks/calc type": ["[0, 1]"] * 12,
            "original_filepath": ["CBIS-DDSM/Calc-Test_P_00038_LEFT_CC_1/1-1.dcm"] * 12,
            "original_split": [part.replace("val", "train") for part in PARTS],
            "patient_id": [f"P_{number:05d}" for number in PATIENTS],
            "abnormality id": [1, 2] * 6,
            "abnormality type": "calcification",
            "assessment": [4] * 11 + [0],
            "breast density": [3, 0] * 6,
            "calc distribution": ["CLUSTERED"] * 11 + [None],
            "calc type": ["AMORPHOUS|PLEOMORPHIC"] * 12,
            "image view": ["CC", "MLO"] * 6,
            "left or right breast": ["LEFT", "LEFT", "RIGHT", "RIGHT"] * 3,
            "pathology": [names[label] for label in LABELS],
            "subtlety": [5] * 12,
        }
    )


def write_medimeta(
    root: Path, suffix: str = ".tiff", shape: tuple[int, int] = (224, 224)
) -> np.ndarray:
    """Writes `mammo_calc` with 12 images; gives their pixels."""
    pixels = pixels_of(12, shape)
    for folder in ("images", "splits", "original_splits", "task_labels"):
        (root / folder).mkdir(parents=True)
    table = annotations()
    table["filepath"] = table["filepath"].str.replace(".tiff", suffix)
    for path, image in zip(table["filepath"], pixels, strict=True):
        Image.fromarray(image).save(root / path)
    for folder, column in (("splits", "split"), ("original_splits", "original_split")):
        for part, rows in table.groupby(column):
            # Without a line break at the end.
            (root / folder / f"{part}.txt").write_text("\n".join(rows["filepath"]))
    np.save(root / "task_labels" / "pathology.npy", LABELS)
    np.save(root / "task_labels" / "calc type.npy", [[1, 1]] * 12)
    table.to_csv(root / "annotations.csv", index=False)
    with h5py.File(root / "images.hdf5", "w") as file:
        file.create_dataset("images", data=pixels)
    content = {**INFO, "input_size": [1, *shape]}
    (root / "info.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return pixels


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree that nobody changes."""
    root = tmp_path_factory.mktemp("medimeta") / "mammo_calc"
    write_medimeta(root)
    return root


@pytest.fixture
def root(written: Path, tmp_path: Path) -> Path:
    """A tree of one's own."""
    return shutil.copytree(written, tmp_path / "mammo_calc")


def edit(root: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Writes the annotations anew, changed."""
    table = pd.read_csv(root / "annotations.csv", dtype=str)
    change(table).to_csv(root / "annotations.csv", index=False)


def test_rows_labels_parts_and_findings_are_those_of_the_files(written: Path) -> None:
    dataset = load_cases("medimeta", written)
    cases = dataset.cases
    assert list(cases["roi_id"]) == [f"{i:06d}" for i in range(12)]
    assert list(cases["label"]) == LABELS
    assert list(cases["split"]) == PARTS
    assert list(cases["patient_id"]) == [f"P_{number:05d}" for number in PATIENTS]
    row = cases.iloc[10].dropna().to_dict()
    assert row == {
        "roi_id": "000010",
        "patient_id": "P_00008",
        "breast": "RIGHT",
        "view": "CC",
        "lesion": "1",
        "lesion_type": "calcification",
        "label": 0,
        "pathology": "benign",
        "split": "val",
        "density": 3,
        "assessment": 4,
        "subtlety": 5,
        "morphology": "AMORPHOUS|PLEOMORPHIC",
        "distribution": "CLUSTERED",
        "crop_path": "images/000010.tiff",
    }
    # Density 0 means that none was given, assessment 0 is a BI-RADS category.
    assert pd.isna(cases["density"][11])
    assert cases["assessment"][11] == 0
    assert (dataset.root, dataset.split, dataset.skipped) == (
        written,
        "MedIMeta's own",
        [],
    )
    (note,) = dataset.notes
    assert "224 by 224 pixels; --crop, --field-mm and --pixel-spacing have no" in note


@pytest.mark.parametrize("suffix", [".tiff", ".png"])
def test_pixels_are_those_that_were_written(tmp_path: Path, suffix: str) -> None:
    pixels = write_medimeta(tmp_path / "mammo_calc", suffix)
    dataset = load_cases("medimeta", tmp_path / "mammo_calc")
    for expected, (_, row) in zip(pixels, dataset.cases.iterrows(), strict=True):
        np.testing.assert_array_equal(dataset.read(row).pixels, expected)


def test_the_hdf5_gives_the_same_without_the_folder_of_images(
    written: Path, root: Path
) -> None:
    shutil.rmtree(root / "images")
    files, dataset = load_cases("medimeta", written), load_cases("medimeta", root)
    drop = {"columns": "crop_path"}
    pd.testing.assert_frame_equal(dataset.cases.drop(**drop), files.cases.drop(**drop))
    assert set(dataset.cases["crop_path"]) == {"images.hdf5"}
    sources = set()
    for number, expected in enumerate(pixels_of(12)):
        roi = dataset.read(dataset.cases.iloc[number])
        np.testing.assert_array_equal(roi.pixels, expected)
        sources |= set(roi.facts["sources"].items())
    # Else every ROI were a copy of the first.
    assert len({name for name, _ in sources}) == len(dict(map(reversed, sources))) == 12
    with h5py.File(root / "images.hdf5", "w"):
        pass
    with pytest.raises(UserError, match=r"images\.hdf5: image 000003 cannot be read"):
        dataset.read(dataset.cases.iloc[3])


def test_the_one_dataset_in_a_folder_is_found(root: Path) -> None:
    assert load_cases("medimeta", root.parent).root == root
    shutil.copytree(root, root.parent / "mammo_mass")
    found = r"folders with info.yaml. Received: 2 \(mammo_calc, mammo_mass\)"
    with pytest.raises(UserError, match=found):
        load_cases("medimeta", root.parent)
    with pytest.raises(UserError, match=r"Received: 0 \(none\); expected one of MedI"):
        load_cases("medimeta", root / "images")


def test_the_meaning_of_a_label_is_read_from_the_info(root: Path) -> None:
    info_of(tasks=task({0: "Malignant", 1: "BENIGN"}))(root)
    cases = load_cases("medimeta", root).cases
    assert list(cases["label"]) == [1 - label for label in LABELS]
    assert set(cases["pathology"][cases["label"] == 1]) == {"malignant"}


def test_masses_have_columns_of_their_own(root: Path) -> None:
    info_of(id="mammo_mass")(root)
    table = annotations().rename(
        columns={
            "breast density": "breast_density",
            "calc type": "mass shape",
            "calc distribution": "mass margins",
        }
    )
    table.drop(columns="tasks/calc type").to_csv(root / "annotations.csv", index=False)
    row = load_cases("medimeta", root, options=MASS).cases.iloc[0]
    assert row["lesion_type"] == "mass"
    assert (row["density"], row["morphology"], row["distribution"]) == (
        3,
        "AMORPHOUS|PLEOMORPHIC",
        "CLUSTERED",
    )
    with pytest.raises(UserError, match="--lesion calcification: none of 12 ROIs"):
        load_cases("medimeta", root)


def test_its_validation_part_is_kept_and_other_protocols_draw_anew(
    written: Path,
) -> None:
    cases = load_cases("medimeta", written).cases
    pd.testing.assert_frame_equal(split_cases(cases, val_fraction=0.5), cases)
    folds = split_cases(cases, "patient-kfold", k=2)
    check_split(folds)
    assert list(folds["split"]) != PARTS


@pytest.mark.parametrize("absent", ["file", "column", "values"])
def test_without_patients_each_image_is_one_and_a_note_warns(
    root: Path, absent: str
) -> None:
    if absent == "file":
        (root / "annotations.csv").unlink()
    elif absent == "column":
        edit(root, lambda table: table.drop(columns="patient_id"))
    else:
        edit(root, lambda table: table.assign(patient_id=""))
    dataset = load_cases("medimeta", root)
    assert list(dataset.cases["patient_id"]) == list(dataset.cases["roi_id"])
    assert list(dataset.cases["label"]) == LABELS
    assert "so each image counts as its own patient" in dataset.notes[1]
    assert dataset.cases["view"].isna().all() == (absent == "file")


def test_whole_numbers_beside_gaps_are_read_as_pandas_writes_them(root: Path) -> None:
    table = annotations()
    for name in ("abnormality id", "breast density", "subtlety"):
        table[name] = table[name].astype(float).where(table.index > 0)
    table.to_csv(root / "annotations.csv", index=False)
    assert "3.0" in (root / "annotations.csv").read_text()
    cases = load_cases("medimeta", root).cases
    assert cases.iloc[0][["lesion", "density", "subtlety"]].isna().all()
    assert cases["lesion"][1] == "2"
    assert cases["density"][2] == 3


def test_what_cannot_be_used_is_skipped_and_the_rest_goes_on(root: Path) -> None:
    set_at(3, "patient_id", "")(root)
    set_at(4, "subtlety", "high")(root)
    edit(root, lambda table: table.drop(index=11))
    (root / "images" / "000000.tiff").unlink()
    (root / "images" / "000005.tiff").write_bytes(b"II*\0 cut off")
    Image.new("L", (64, 224)).save(root / "images" / "000009.tiff")
    dataset = load_cases("medimeta", root)
    assert dataset.skipped == [
        (
            "annotations.csv",
            "line 5: patient_id. Received: nothing; expected a value, as other lines "
            "have.",
        ),
        (
            "annotations.csv",
            "line 6: subtlety. Received: 'high'; expected one digit, or nothing.",
        ),
        ("images/000011.tiff", "no line of annotations.csv is about it."),
        ("images/000000.tiff", "the image is not there."),
    ]
    counted = "4 of 12 ROIs: benign 4 of 7, malignant 0 of 5"
    assert any(counted in note for note in dataset.notes)
    rows = dataset.cases.set_index("roi_id", drop=False)
    assert len(rows) == 8
    with pytest.raises(UserError, match=r"000005\.tiff: not a readable image"):
        dataset.read(rows.loc["000005"])
    with pytest.raises(UserError, match="Received: 224 by 64 pixels; expected 224 by"):
        dataset.read(rows.loc["000009"])
    np.testing.assert_array_equal(
        dataset.read(rows.loc["000010"]).pixels, pixels_of(12)[10]
    )


def lines_of(part: str, change: Callable[[list[str]], list[str]]) -> Any:
    def run(root: Path) -> None:
        file = root / "splits" / f"{part}.txt"
        file.write_text("\n".join(change(file.read_text().splitlines())))

    return run


def info_of(**changes: Any) -> Any:
    return lambda root: (root / "info.yaml").write_text(
        yaml.safe_dump({**INFO, **changes})
    )


def labels_of(values: Any) -> Any:
    return lambda root: np.save(root / "task_labels" / "pathology.npy", values)


def table_of(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Any:
    return lambda root: edit(root, change)


def set_at(row: int, column: str, value: str) -> Any:
    """Another value in one field of the annotations."""
    return table_of(
        lambda table: table.assign(
            **{column: table[column].where(table.index != row, value)}
        )
    )


def task(labels: Any) -> list[dict[str, Any]]:
    return [{"task_name": "pathology", "labels": labels}]


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
    root: Path, spoil: Callable[[Path], object], message: str
) -> None:
    spoil(root)
    with pytest.raises(UserError, match=message) as caught:
        load_cases("medimeta", root)
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
    root: Path, spoil: Callable[[Path], object], message: str
) -> None:
    shutil.rmtree(root / "images")
    spoil(root)
    with pytest.raises(UserError, match=message) as caught:
        load_cases("medimeta", root)
    assert "\n" not in str(caught.value)


def test_what_the_labels_do_not_tell_cannot_be_asked_for(written: Path) -> None:
    with pytest.raises(UserError, match="--classes 3 goes by the pathology"):
        class_indices(load_cases("medimeta", written).cases, 3)
    options = ReadOptions(drop_without_callback=True)
    with pytest.raises(UserError, match="--drop-without-callback: MedIMeta's labels"):
        load_cases("medimeta", written, options=options)
