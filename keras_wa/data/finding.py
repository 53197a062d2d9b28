"""Finds the data set in `data/`."""

from __future__ import annotations

from pathlib import Path

from keras_wa.data.registry import PUBLISHED
from keras_wa.errors import UserError

_NOT_DATA = ("prepared",)


def find_dataset(root: str | Path = "data") -> Path | None:
    """Finds the only data set in a folder, or None.

    A data set is a folder with subfolders (its classes, or `train` and `test`). Files,
    hidden folders and prepared stores are ignored.

    Raises:
        UserError: there are several, or a folder cannot be listed.
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
    """Infers the type of a data set from the name of its path.

    A CSV file is `csv`; a folder is the published data set that has its name, such as
    `cbis-ddsm`, else `folder`.
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
