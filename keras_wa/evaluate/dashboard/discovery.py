"""Finds runs in folders, and their names in TensorBoard."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from keras_wa.errors import UserError
from keras_wa.training.run import Run


def find_runs(paths: Sequence[Path]) -> tuple[dict[str, Run], list[str]]:
    """Finds the runs at and below some folders.

    A folder with a `config.json` is a run, and its subfolders are not searched. Hidden
    folders are left out; a folder with several paths to it counts once.

    Args:
        paths: run directories, or folders with runs at any depth.

    Returns:
        The runs by their names, in this order: the path from the runs' common folder,
        posix; and a note for each unreadable run.
    """
    runs: dict[Path, Run] = {}
    notes: list[str] = []
    for path in paths:
        if not path.is_dir():
            notes.append(f"{path} is left out: there is no such folder.")
            continue
        for folder in _candidates(path, notes):
            try:
                runs[folder.resolve()] = Run.open(folder)
            except UserError as error:
                notes.append(f"{folder} is left out: {error}")
    if not runs:
        places = ", ".join(map(str, paths))
        raise UserError(
            f"No run under {places}. Received: {' '.join(notes) or 'no config.json'}; "
            "expected the directory of a training. Make one with `train`."
        )
    common = Path(os.path.commonpath([folder.parent for folder in runs]))
    names = {folder.relative_to(common).as_posix(): run for folder, run in runs.items()}
    return dict(sorted(names.items())), notes


def _candidates(root: Path, notes: list[str]) -> Iterator[Path]:
    """Yields folders with a `config.json`, the outermost of each branch."""

    def note(error: OSError) -> None:
        notes.append(f"{error.filename} is left out: {error.strerror}.")

    seen = set()
    for parent, folders, files in os.walk(root, onerror=note, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:
            folders.clear()
        elif "config.json" in files:
            folders.clear()
            yield Path(parent)
        seen.add(real)
        folders[:] = sorted(name for name in folders if name[0] != ".")
