"""Reads the metadata files of a MedIMeta dataset.

The layout is that of `mimeta_pipelines/writer.py` in
github.com/StefanoWoerner/medimeta-dataset-scripts, which wrote version 1.0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import yaml
from numpy.typing import NDArray

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

_IMAGE = re.compile(r"images/(\d{1,9})\.\w+")

Content = TypeVar("Content")


class Info(NamedTuple):
    """The content of `info.yaml`.

    A lesion type of `LESIONS`, the label of a case table for each value of the task,
    and height and width of each image, pixels.
    """

    lesion: str
    labels: Mapping[int, int]
    size: tuple[int, int]


def not_as_published(
    file: Path, what: str, received: object, expected: str
) -> UserError:
    """Builds the error for content that differs from the published one."""
    return UserError(
        f"{file}: {what}. Received: {received}; expected {expected}. Unpack the "
        "archive again."
    )


_UNREADABLE = OSError, EOFError, KeyError, TypeError, ValueError, yaml.YAMLError


def read_as(
    file: Path,
    kind: str,
    read: Callable[[Path], Content],
    expected: str = "the file as published",
) -> Content:
    """Reads a file; the error names it."""
    try:
        return read(file)
    except _UNREADABLE as error:
        raise UserError(
            f"{file}: cannot be read as {kind} ({in_one_line(error)}). Expected: "
            f"{expected}. Unpack the archive again."
        ) from error


def find_folder(place: Path) -> Path:
    """Finds the folder with `info.yaml`: this one, or its only subfolder with one."""
    if (place / INFO).is_file():
        return place
    found = sorted(path.parent for path in place.glob(f"*/{INFO}"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise UserError(
            f"{place}: folders with {INFO}. Received: {len(found)} ({names}); expected "
            f"one of MedIMeta, such as {' or '.join(LESIONS)}. Name it with `data_dir`."
        )
    return found[0]


def read_info(root: Path) -> Info:
    """Reads `info.yaml`; a `UserError` names what is not as published."""
    file = root / INFO
    content = read_as(file, "YAML", lambda path: yaml.safe_load(_text(path)))
    info: Mapping[Any, Any] = content if isinstance(content, dict) else {}
    name = info.get("id")
    if name not in [*LESIONS]:  # A list or a mapping has no hash.
        raise UserError(
            f"{file}: id. Received: {name!r}; expected {' or '.join(LESIONS)}. Name "
            "the folder of one of them with `data_dir`."
        )
    tasks = info.get("tasks")
    classes = [
        task.get("labels")
        for task in (tasks if isinstance(tasks, list) else ())
        if isinstance(task, dict) and task.get("task_name") == TASK
    ]
    named = classes[0] if classes and isinstance(classes[0], dict) else {}
    labels = {
        value: CLASSES.index(str(text).lower())
        for value, text in named.items()
        if isinstance(value, int) and str(text).lower() in CLASSES
    }
    if len(labels) != len(named) or sorted(labels.values()) != [0, 1]:
        received = classes[0] if classes else f"tasks {tasks!r}"
        expected = f"a number for each of {' and '.join(CLASSES)}"
        raise not_as_published(file, f"labels of the task {TASK!r}", received, expected)
    match info.get("input_size"):
        case [1, int(height), int(width)]:
            return Info(LESIONS[name], labels, (height, width))
        case size:
            expected = "[1, height, width], grey images"
            raise not_as_published(file, "input_size", size, expected)


def read_labels(root: Path, info: Info) -> list[int]:
    """Reads the label of each image, in the order of the image numbers."""
    file = root / "task_labels" / f"{TASK}.npy"
    values = read_as(file, "labels", _array)
    if values.ndim != 1:
        raise not_as_published(
            file, "shape of the labels", values.shape, "(N,), one per image"
        )
    for number, value in enumerate(values.tolist()):
        if value not in info.labels:
            expected = f"one of {sorted(info.labels)}, as in {INFO}"
            raise not_as_published(
                file, f"label of image {number:06d}", repr(value), expected
            )
    return [info.labels[value] for value in values.tolist()]


def read_splits(root: Path, count: int) -> list[tuple[str, str]]:
    """Reads the path and the part of each of `count` images, by their numbers."""
    found: dict[int, tuple[str, str]] = {}
    labels = f"of the {count} labels in task_labels/{TASK}.npy"
    for part in PARTS:
        file = root / "splits" / f"{part}.txt"
        lines = read_as(file, "a list", _text).splitlines()
        for line, path in enumerate(map(str.strip, lines), start=1):
            if not path:
                continue
            match = _IMAGE.fullmatch(path)
            number = int(match[1]) if match else count
            if number >= count or number in found:
                twice = (
                    f", already in {found[number][1]}.txt" if number in found else ""
                )
                raise not_as_published(
                    file,
                    f"line {line}",
                    f"{path!r}{twice}",
                    f"a path such as images/000012.tiff once for each {labels}",
                )
            found[number] = path, part
    absent = [number for number in range(count) if number not in found]
    if absent:
        raise not_as_published(
            root / "splits",
            "images in no list",
            f"{len(absent)}, such as {absent[0]:06d}",
            f"a path in one of the lists for each {labels}",
        )
    return [found[number] for number in range(count)]


def check_hdf5(root: Path, info: Info, count: int) -> None:
    """Checks that the HDF5 file can be opened and has the labelled images."""
    import h5py

    file = root / HDF5

    def describe(path: Path) -> str:
        with h5py.File(path, "r") as content:
            images = content[IMAGES]
            if not isinstance(images, h5py.Dataset):
                return "a group"
            return f"{images.dtype} {images.shape}"

    whole = f"the whole file, or the folder {IMAGES}/ beside it"
    found = read_as(file, "HDF5", describe, whole)
    expected = f"uint8 {(count, *info.size)}"
    if found != expected:
        raise not_as_published(
            file, f"data set {IMAGES!r}", found, f"{expected}, as many as labels"
        )


def _array(path: Path) -> NDArray:
    with path.open("rb") as file:  # np.load would open an archive too.
        return np.lib.format.read_array(file, allow_pickle=False)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
