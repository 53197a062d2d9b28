"""Reads the metadata files of a MedIMeta dataset.

The layout is that of `mimeta_pipelines/writer.py` in
github.com/StefanoWoerner/medimeta-dataset-scripts, which wrote version 1.0.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from keras_wa.data.case_table import PARTS
from keras_wa.errors import UserError, in_one_line

INFO = "info.yaml"
IMAGES = "images"
"""Name of the image folder, and of the HDF5 dataset with the same images."""

HDF5 = "images.hdf5"
LESIONS = {"mammo_calc": "calcification", "mammo_mass": "mass"}
"""Lesion type of each supported dataset of MedIMeta, by its `id`."""

TASK = "pathology"
CLASSES = ("benign", "malignant")
"""Names of the task's classes, case-insensitive; the index is the label."""

AGAIN = "Unpack the archive again."
"""Advice for a file that differs from the published one."""

_IMAGE = re.compile(r"images/(\d{1,9})\.\w+")


@dataclasses.dataclass(frozen=True)
class Info:
    """The content of `info.yaml`.

    Attributes:
        lesion: `calcification` or `mass`.
        labels: label of a case table for each value of the task.
        size: height and width of each image, pixels.
    """

    lesion: str
    labels: Mapping[int, int]
    size: tuple[int, int]


def find_folder(place: Path) -> Path:
    """Finds the folder with `info.yaml`: this one, or its only subfolder with one.

    Raises:
        UserError: there is no such folder, or more than one.
    """
    if (place / INFO).is_file():
        return place
    try:
        found = sorted(path.parent for path in place.glob(f"*/{INFO}"))
    except OSError as error:
        raise UserError(
            f"{place}: cannot be listed ({error.strerror or error}). Expected: a "
            "folder of MedIMeta; check `data_dir`."
        ) from error
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise UserError(
            f"{place}: folders with {INFO}. Received: {len(found)} ({names}); expected "
            f"one of MedIMeta, such as {' or '.join(LESIONS)}. Name it with `data_dir`."
        )
    return found[0]


def read_info(root: Path) -> Info:
    """Reads `info.yaml`.

    Raises:
        UserError: the file cannot be read, describes another dataset, or lacks the
            task.
    """
    file = root / INFO
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(
            f"{file}: cannot be read as YAML ({in_one_line(error)}). Expected: "
            f"MedIMeta's file as published. {AGAIN}"
        ) from error
    info: dict[Any, Any] = content if isinstance(content, dict) else {}
    name = info.get("id")
    if name not in LESIONS:
        raise UserError(
            f"{file}: id. Received: {name!r}; expected {' or '.join(LESIONS)}. Name "
            "the folder of one of them with `data_dir`."
        )
    tasks = info.get("tasks")
    by_name = {
        str(task.get("task_name")): task.get("labels")
        for task in (tasks if isinstance(tasks, list) else [])
        if isinstance(task, dict)
    }
    if TASK not in by_name:
        raise UserError(
            f"{file}: tasks. Received: {', '.join(by_name) or 'none'}; expected "
            f"{TASK!r} among them. {AGAIN}"
        )
    classes = by_name[TASK]
    named = classes.items() if isinstance(classes, dict) else ()
    labels = {
        value: CLASSES.index(str(text).lower())
        for value, text in named
        if isinstance(value, int) and str(text).lower() in CLASSES
    }
    if len(labels) != len(named) or sorted(labels.values()) != [0, 1]:
        raise UserError(
            f"{file}: labels of the task {TASK!r}. Received: {classes!r}; expected a "
            f"number for each of {' and '.join(CLASSES)}. {AGAIN}"
        )
    size = info.get("input_size")
    if not (
        isinstance(size, list)
        and len(size) == 3
        and all(isinstance(side, int) and side > 0 for side in size)
        and size[0] == 1
    ):
        raise UserError(
            f"{file}: input_size. Received: {size!r}; expected [1, height, width], "
            f"grey images. {AGAIN}"
        )
    return Info(LESIONS[name], labels, (size[1], size[2]))


def read_labels(root: Path, info: Info) -> list[int]:
    """Reads the labels of the task.

    Returns:
        The label of each image, in the order of the image numbers.

    Raises:
        UserError: the file cannot be read or has invalid values.
    """
    file = root / "task_labels" / f"{TASK}.npy"
    try:
        with file.open("rb") as content:
            values = np.lib.format.read_array(content, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{file}: cannot be read as labels ({in_one_line(error)}). Expected: a "
            f"NumPy array of whole numbers, one an image. {AGAIN}"
        ) from error
    if values.ndim != 1 or not len(values):
        raise UserError(
            f"{file}: shape of the labels. Received: {values.shape}; expected (N,), "
            f"one an image. {AGAIN}"
        )
    for index, value in enumerate(values.tolist()):
        if value not in info.labels:
            known = ", ".join(
                f"{key} ({CLASSES[label]})" for key, label in info.labels.items()
            )
            raise UserError(
                f"{file}: label of image {index:06d}. Received: {value!r}; expected "
                f"one of {known}, as in {INFO}. {AGAIN}"
            )
    return [info.labels[value] for value in values.tolist()]


def read_splits(root: Path, count: int) -> list[tuple[str, str]]:
    """Reads the lists of the split.

    Args:
        root: folder of the dataset.
        count: number of labels.

    Returns:
        The path and the part of each image, in the order of the image numbers.

    Raises:
        UserError: a list is missing, has an entry that is not a labelled image, or an
            image is in no list or listed twice.
    """
    found: dict[int, tuple[str, str]] = {}
    for part in PARTS:
        file = root / "splits" / f"{part}.txt"
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise UserError(
                f"{file}: cannot be read ({in_one_line(error)}). Expected: the list of "
                f"the images of this part. {AGAIN}"
            ) from error
        for number, line in enumerate(lines, start=1):
            path = line.strip()
            if not path:
                continue
            match = _IMAGE.fullmatch(path)
            if match is None:
                raise UserError(
                    f"{file}: line {number}. Received: {path!r}; expected a path such "
                    f"as images/000012.tiff. {AGAIN}"
                )
            index = int(match[1])
            if index >= count:
                raise UserError(
                    f"{file}: line {number}, number of the image. Received: {path}; "
                    f"expected at most {count - 1:06d}, since task_labels/{TASK}.npy "
                    f"has {count} labels. {AGAIN}"
                )
            if index in found:
                raise UserError(
                    f"{file}: line {number}. Received: {path}, which is in "
                    f"{found[index][1]}.txt already; expected each image once. {AGAIN}"
                )
            found[index] = path, part
    absent = [index for index in range(count) if index not in found]
    if absent:
        raise UserError(
            f"{root / 'splits'}: images with a label that are in no list. Received: "
            f"{len(absent)} of {count}, such as {absent[0]:06d}; expected each in one "
            f"of {', '.join(f'{part}.txt' for part in PARTS)}. {AGAIN}"
        )
    return [found[index] for index in range(count)]


def check_hdf5(root: Path, info: Info, count: int) -> None:
    """Checks that the HDF5 file can be opened and contains the images.

    Raises:
        UserError: the file cannot be opened or its images differ from `info`.
    """
    import h5py

    file = root / HDF5
    expected = (count, *info.size)
    try:
        with h5py.File(file, "r") as content:
            images = content.get(IMAGES)
            found = (
                f"{images.dtype} {images.shape}"
                if isinstance(images, h5py.Dataset)
                else "none"
            )
    except OSError as error:
        raise UserError(
            f"{file}: cannot be read ({in_one_line(error)}). Expected: this file "
            f"whole, or the folder {IMAGES}/ beside it. {AGAIN}"
        ) from error
    if found != f"uint8 {expected}":
        raise UserError(
            f"{file}: data set {IMAGES!r}. Received: {found}; expected uint8 "
            f"{expected}, as many as labels. {AGAIN}"
        )
