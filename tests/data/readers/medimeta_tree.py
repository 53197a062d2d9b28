"""Writes MedIMeta's `mammo_calc`, in the layout of its version 1.0."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import yaml
from PIL import Image

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


def edit_annotations(
    root: Path, change: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    """Writes the annotations anew, changed."""
    table = pd.read_csv(root / "annotations.csv", dtype=str)
    change(table).to_csv(root / "annotations.csv", index=False)


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
    return lambda root: edit_annotations(root, change)


def set_at(row: int, column: str, value: str) -> Any:
    """Another value in one field of the annotations."""
    return table_of(
        lambda table: table.assign(
            **{column: table[column].where(table.index != row, value)}
        )
    )


def task(labels: Any) -> list[dict[str, Any]]:
    return [{"task_name": "pathology", "labels": labels}]
