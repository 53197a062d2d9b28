"""What the headers of a tree of DICOM files say, read once and remembered."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from keras_wa.cores import reading_threads
from keras_wa.data.file_state import state_of
from keras_wa.data.io import kinds_of, read_header
from keras_wa.data.io.header import DicomHeader
from keras_wa.files import replacing, walk_files
from keras_wa.progress import track

CACHE_NAME = ".dicom_index.csv"
"""The file in the root that remembers the headers."""

_STATE = ("path", "size", "mtime_ns", "ctime_ns")
_TEXT = pd.StringDtype("python")


def index_dicoms(
    root: Path,
    fields: Sequence[str],
    progress: bool = True,
    paths: Iterable[str] | None = None,
) -> pd.DataFrame:
    """Reads fields of the headers of the DICOM files below a folder.

    What was read is kept in `CACHE_NAME` in the root, if that can be written; a file is
    read again when it has another `state_of`, or when it could not be
    read.

    Args:
        root: the folder.
        fields: DICOM keywords, such as `"PatientID"`.
        progress: whether there is a progress bar.
        paths: the files, relative to the root, posix; by default those that are DICOM
            by `kinds_of`, the folder walked as `walk_files` does.

    Returns:
        One row a file, sorted by `path` (relative to the root, posix), with a text
        column for each field and `reason`: why the file cannot be read, else NA. Of a
        field with several values all are given, joined by a backslash; of a sequence of
        codes, such as ViewCodeSequence, the CodeValue of its first item. Absent, empty
        and what cannot be read are NA.

    Raises:
        UserError: the folder or one below it cannot be listed.
    """
    if paths is None:
        kinds = kinds_of(root, walk_files(root))
        paths = (name for name, kind in kinds.items() if kind == "dicom")
    files = _states(root, paths)
    known = _load(root / CACHE_NAME)
    wanted = sorted({*fields, *known.columns} - {*_STATE, "reason"})
    if set(fields) <= set(known.columns):
        found = files.merge(known, on=list(_STATE), how="left", indicator=True)
        old = found[found.pop("_merge") == "both"]
    else:
        old = known.iloc[:0]
    new = files[~files["path"].isin(old["path"])]
    if len(new):
        rows = _read_all(root, list(new["path"]), wanted, progress)
        columns = ["reason", *wanted]
        read = pd.DataFrame(rows, columns=columns, index=new.index, dtype=_TEXT)
        old = pd.concat([old, new.join(read)]).sort_values("path", ignore_index=True)
    if len(new) or len(old) != len(known):
        # The disk may give the file another time, or a newer version may read it.
        _save(root / CACHE_NAME, old[old["reason"].isna()])
    columns = ["path", *fields, "reason"]
    return old.reindex(columns=columns).reset_index(drop=True).astype(_TEXT)


def _states(root: Path, paths: Iterable[str]) -> pd.DataFrame:
    """Path, size and times of change of files, as text."""
    rows = []
    for name in paths:
        # A broken link has no state; reading the file reports it.
        state = state_of(root / name) or (0, 0, 0)
        rows.append((name, *map(str, state)))
    return pd.DataFrame(sorted(rows), columns=list(_STATE), dtype=_TEXT)


def _read_all(
    root: Path, paths: list[str], fields: list[str], progress: bool
) -> list[list[str | None]]:
    """The reason and the fields of each file."""

    def read(path: str) -> list[str | None]:
        try:
            header = DicomHeader(read_header(root / path, fields))
            return [None, *map(header.shown, fields)]
        except Exception as error:
            # pydicom can raise any exception for a damaged file.
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
            return list(done)
        finally:
            pool.shutdown(cancel_futures=True)


def _load(cache: Path) -> pd.DataFrame:
    """What was read before; nothing if there is no such file or it is damaged."""
    nothing = pd.DataFrame(columns=[*_STATE, "reason"], dtype=_TEXT)
    try:
        known = pd.read_csv(cache, dtype=_TEXT, keep_default_na=False, na_values=[""])
    except (OSError, ValueError):
        return nothing
    valid = {*_STATE, "reason"} <= set(known.columns) and known["path"].is_unique
    # Of an earlier version, which kept the reasons of files that it could not read.
    return known[known["reason"].isna()] if valid else nothing


def _save(cache: Path, index: pd.DataFrame) -> None:
    try:
        with replacing(cache) as partial:
            index.to_csv(partial, index=False, lineterminator="\n", encoding="utf-8")
    except (OSError, UnicodeError):
        # The folder may not be written, or a file's name is no text: read it again the
        # next time.
        return
