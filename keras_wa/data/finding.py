"""Finds the dataset that lies under `data/`."""

from __future__ import annotations

from pathlib import Path

from keras_wa.data.registry import PUBLISHED
from keras_wa.errors import UserError

_NOT_DATA = ("prepared",)


def find_dataset(root: str | Path = "data") -> Path | None:
    """Finds the one dataset folder under a root.

    A dataset folder has sub-folders (its classes, or `train` and `test`). Files, hidden
    folders and the prepared stores are passed over.

    Args:
        root: where datasets are put.

    Returns:
        The dataset's folder, or `None` if there is none.

    Raises:
        UserError: there are several, so that one must be named, or a folder cannot be
            listed.
    """
    root = Path(root)
    if not root.is_dir():
        return None
    try:
        found = sorted(folder for folder in root.iterdir() if _is_dataset(folder))
    except OSError as error:
        raise UserError(
            f"{error.filename or root}: cannot be listed ({error.strerror}). Make it "
            "readable, or name the data set with `data_dir`."
        ) from error
    if len(found) > 1:
        names = ", ".join(str(folder) for folder in found)
        raise UserError(f"Several data sets: {names}. Name one with `data_dir`.")
    return found[0] if found else None


def name_of_dataset(path: str | Path) -> str:
    """Which dataset lies in a place, by the name of the place.

    Args:
        path: a folder, or a CSV file.

    Returns:
        `csv` for a CSV file; a published dataset whose name the folder has, such as
        `cbis-ddsm`; else `folder`, class folders of images.
    """
    path = Path(path)
    if path.suffix.lower() == ".csv":
        return "csv"
    name = path.resolve().name.lower().replace("_", "-")
    return name if name in PUBLISHED else "folder"


def _is_dataset(folder: Path) -> bool:
    return (
        folder.is_dir()
        and not folder.name.startswith(".")
        and folder.name not in _NOT_DATA
        and any(child.is_dir() for child in folder.iterdir())
    )
