"""What the headers of a tree of DICOM files say, read once and remembered."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pydicom

from keras_wa.cores import reading_threads
from keras_wa.errors import may_pass
from keras_wa.files import replacing, walk_files
from keras_wa.imaging import is_dicom
from keras_wa.imaging.deflated import refuse_bomb_in_file
from keras_wa.progress import track

CACHE_NAME = ".dicom_index.csv"
"""The file in the root that remembers the headers."""

_STATE = ("path", "size", "mtime_ns")
_TEXT = pd.StringDtype("python")


def index_dicoms(
    root: Path, fields: Sequence[str], progress: bool = True
) -> pd.DataFrame:
    """Reads fields of the headers of all DICOM files below a folder.

    What was read is kept in `CACHE_NAME` in the root, if that can be written; a file is
    read again when its size or time of change is another one, or when the disk gave an
    error instead of it.

    Args:
        root: the folder, walked as `walk_files` does. Files that are no DICOM by their
            suffix or, without one, by their content are left out.
        fields: DICOM keywords, such as `"PatientID"`.
        progress: whether there is a progress bar.

    Returns:
        One row a file, sorted by `path` (relative to the root, posix), with a text
        column for each field and `reason`: why the file cannot be read, else NA. Of a
        field with several values all are given, joined by a backslash; of a sequence of
        codes, such as ViewCodeSequence, the CodeValue of its first item. Absent and
        empty are NA.

    Raises:
        UserError: if the folder or one below it cannot be listed.
    """
    files = _find(root)
    known = _load(root / CACHE_NAME)
    wanted = sorted({*fields, *known.columns} - {*_STATE, "reason"})
    if set(fields) <= set(known.columns):
        found = files.merge(known, on=list(_STATE), how="left", indicator=True)
        old = found[found.pop("_merge") == "both"]
    else:
        old = known.iloc[:0]
    new = files[~files["path"].isin(old["path"])]
    passing: set[str] = set()
    if len(new):
        rows, passing = _read_all(root, list(new["path"]), wanted, progress)
        columns = ["reason", *wanted]
        read = pd.DataFrame(rows, columns=columns, index=new.index, dtype=_TEXT)
        old = pd.concat([old, new.join(read)]).sort_values("path", ignore_index=True)
    if len(new) or len(old) != len(known):
        _save(root / CACHE_NAME, old[~old["path"].isin(passing)])
    columns = ["path", *fields, "reason"]
    return old.reindex(columns=columns).reset_index(drop=True).astype(_TEXT)


def _find(root: Path) -> pd.DataFrame:
    """Path, size and time of change of each DICOM file, as text."""

    rows = []
    for name in walk_files(root):
        path = root / name
        if not is_dicom(path):
            continue
        try:
            state = path.stat()
            size, mtime = str(state.st_size), str(state.st_mtime_ns)
        except OSError:  # A broken link; reading it will say so.
            size = mtime = "0"
        rows.append((name, size, mtime))
    return pd.DataFrame(sorted(rows), columns=list(_STATE), dtype=_TEXT)


def _read_all(
    root: Path, paths: list[str], fields: list[str], progress: bool
) -> tuple[list[list[str | None]], set[str]]:
    """The reason and the fields of each file, and whose reason may pass."""
    passing = set()

    def read(path: str) -> list[str | None]:
        try:
            refuse_bomb_in_file(root / path)
            header = pydicom.dcmread(
                root / path, stop_before_pixels=True, specific_tags=fields
            )
            return [None, *(_text(header, field) for field in fields)]
        except Exception as error:
            # On a damaged file pydicom raises whatever the damage leads to.
            if may_pass(error):
                passing.add(path)
            detail = " ".join(str(error).split())
            reason = f"the DICOM header cannot be read ({detail}). Copy the file again."
            return [reason, *([None] * len(fields))]

    pool = ThreadPoolExecutor(reading_threads())
    # pydicom warns of each value that breaks a rule of the standard; the values that
    # matter are checked by who asked for them.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            results = pool.map(read, paths)
            done = track(results, "Reading DICOM headers", len(paths), progress)
            return list(done), passing
        finally:
            pool.shutdown(cancel_futures=True)


def _text(header: pydicom.Dataset, field: str) -> str | None:
    if field not in header:
        return None
    element = header[field]
    value: Any = element.value
    if element.VR == "SQ":
        value = value[0].get("CodeValue") if len(value) else None
    elif element.VM > 1:
        value = "\\".join(str(part) for part in value)
    return (str(value).strip() or None) if value is not None else None


def _load(cache: Path) -> pd.DataFrame:
    """What was read before; nothing if there is no such file or it is damaged."""
    nothing = pd.DataFrame(columns=[*_STATE, "reason"], dtype=_TEXT)
    try:
        known = pd.read_csv(cache, dtype=_TEXT, keep_default_na=False, na_values=[""])
    except (OSError, ValueError):
        return nothing
    valid = {*_STATE, "reason"} <= set(known.columns) and known["path"].is_unique
    return known if valid else nothing


def _save(cache: Path, index: pd.DataFrame) -> None:
    try:
        with replacing(cache) as partial:
            index.to_csv(partial, index=False, lineterminator="\n", encoding="utf-8")
    except (OSError, UnicodeError):
        # The folder may not be written, or a file's name is no text: read it again the
        # next time.
        return
