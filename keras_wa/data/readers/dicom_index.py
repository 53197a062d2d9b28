"""Reads the headers of a tree of DICOM files, with a cache."""

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
from keras_wa.errors import in_one_line
from keras_wa.files import replacing, walk_files
from keras_wa.progress import track

CACHE_NAME = ".dicom_index.csv"
"""The cache file in the root."""

_STATE = ("path", "size", "mtime_ns", "ctime_ns")
_TEXT = pd.StringDtype("python")


def index_dicoms(
    root: Path,
    fields: Sequence[str],
    progress: bool = True,
    paths: Iterable[str] | None = None,
) -> pd.DataFrame:
    """Reads fields of the headers of the DICOM files in a folder.

    They are cached in `CACHE_NAME` in the root, if it is writable; a file is read again
    if its `state_of` changed, or if reading it failed.

    Args:
        root: the folder.
        fields: DICOM keywords, such as `"PatientID"`.
        progress: whether to show a progress bar.
        paths: the files, relative, posix; by default all DICOM files of `kinds_of`.

    Returns:
        One row per file, sorted by `path`, with a text column for each field
        (`DicomHeader.shown`; NA if absent, empty or unreadable) and `reason`: why the
        file cannot be read, else NA.
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
        # Another attempt or a newer version may succeed.
        _save(root / CACHE_NAME, old[old["reason"].isna()])
    columns = ["path", *fields, "reason"]
    return old.reindex(columns=columns).reset_index(drop=True).astype(_TEXT)


def _states(root: Path, paths: Iterable[str]) -> pd.DataFrame:
    """Returns path, size and change times of files, as text."""
    rows = []
    for name in paths:
        # A broken link has no state; reading the file reports it.
        state = state_of(root / name) or (0, 0, 0)
        rows.append((name, *map(str, state)))
    return pd.DataFrame(sorted(rows), columns=list(_STATE), dtype=_TEXT)


def _read_all(
    root: Path, paths: list[str], fields: list[str], progress: bool
) -> list[list[str | None]]:
    """Returns the reason and the fields of each file."""

    def read(path: str) -> list[str | None]:
        try:
            header = DicomHeader(read_header(root / path, fields))
            return [None, *map(header.shown, fields)]
        except Exception as error:
            # pydicom can raise any exception for a damaged file.
            detail = in_one_line(error)
            reason = f"the DICOM header cannot be read ({detail}). Copy the file again."
            return [reason, *([None] * len(fields))]

    pool = ThreadPoolExecutor(reading_threads())
    # pydicom warns of every invalid value; callers check the values that they use.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            results = pool.map(read, paths)
            done = track(results, "Reading DICOM headers", len(paths), progress)
            return list(done)
        finally:
            pool.shutdown(cancel_futures=True)


def _load(cache: Path) -> pd.DataFrame:
    """Returns the cache; empty if the file is missing or damaged."""
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
        # The folder is read-only, or a file's name is not text: no cache.
        return
