"""Downloads the tables from TCIA: case lists and clinical data."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import http.client
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from keras_wa import __version__
from keras_wa.data.download.sources import Source
from keras_wa.data.readers import cmmd
from keras_wa.data.readers.cbis_ddsm.case_lists import read_case_lists
from keras_wa.data.tables import read_table
from keras_wa.errors import UserError
from keras_wa.files import replacing

TCIA_FILES = "https://www.cancerimagingarchive.net/wp-content/uploads/"
"""Base URL of the tables of TCIA's collections."""

WAITS = (1.0, 5.0)
"""Seconds between attempts to download a table."""

_TIMEOUT = 30.0


@dataclasses.dataclass(frozen=True)
class _Known:
    """Properties of an official file."""

    sha256: str
    rows: int
    patients: int


# Computed from copies of the files that TCIA publishes with version 1 of the
# collection, doi 10.7937/K9/TCIA.2016.7O02S9CY.
_CASE_LISTS = {
    "calc_case_description_train_set.csv": _Known(
        "f7e705ac8badaf4d637519b0f2324b1f6e540325ecabeab582806421273bfb45", 1546, 602
    ),
    "calc_case_description_test_set.csv": _Known(
        "1a94adc4290f020e92d8e987992fb48ddc256e7b71e8d8f5b7a96f2cdd645673", 326, 151
    ),
    "mass_case_description_train_set.csv": _Known(
        "d1b4249fe0176a7531f27458e9f6bfa95dcc93886b249b5aa4db6ed82083bbbe", 1318, 691
    ),
    "mass_case_description_test_set.csv": _Known(
        "bea24f508f2632944c856202a76e36a01aa6362f2c2f7a33f38b10ed1ea8de62", 378, 201
    ),
}


@dataclasses.dataclass(frozen=True)
class Tables:
    """The checked tables of a dataset.

    Attributes:
        paths: the files.
        notes: notes for the user.
    """

    paths: list[Path]
    notes: list[str]


@contextlib.contextmanager
def obtained_tables(
    source: Source,
    names: Sequence[str],
    out: Path,
    case_lists: Path | None = None,
    base: str = TCIA_FILES,
) -> Iterator[Tables]:
    """Provides the tables: from a given folder, the dataset's folder, or TCIA.

    Args:
        source: the dataset.
        names: file names from `source.tables`.
        out: the dataset's root folder; tables that are already there are used.
        case_lists: a folder with the tables, searched before `out`.
        base: URL of the folder with the official files.

    Yields:
        The tables. Downloaded ones are in a temporary folder that is removed at the
        end of the block; `install` copies them.

    Raises:
        UserError: a table cannot be found or downloaded, or has unexpected content.
    """
    place = case_lists or out
    for folder in (place, place / "csv"):
        paths = [folder / name for name in names]
        absent = [path.name for path in paths if not path.is_file()]
        if not absent:
            notes = [note for path in paths for note in _check(path, fetched=False)]
            yield Tables(paths, notes)
            return
    if case_lists:
        raise UserError(
            f"{case_lists}: `case_lists`. Received: a folder without "
            f"{', '.join(absent)}; expected the official files, from {source.page}"
        )
    with tempfile.TemporaryDirectory() as folder_name:
        paths = []
        for name in names:
            path = Path(folder_name, name)
            try:
                path.write_bytes(_fetch(base + name))
            except OSError as error:
                raise UserError(
                    f"{base}{name}: cannot be fetched ({error}). Check the "
                    f"network, or get {', '.join(names)} in a browser from "
                    f"{source.page} and name their folder with `case_lists`."
                ) from error
            paths.append(path)
        notes = [note for path in paths for note in _check(path, fetched=True)]
        yield Tables(paths, notes)


def install(paths: Sequence[Path], out: Path) -> None:
    """Copies tables into the dataset's root folder, unless they are below it.

    Args:
        paths: the files.
        out: the root folder, which must exist.
    """
    for path in paths:
        if not path.resolve().is_relative_to(out.resolve()):
            with replacing(out / path.name) as partial:
                shutil.copyfile(path, partial)


def _fetch(url: str) -> bytes:
    """Returns the content of a URL, or raises an `OSError`."""
    request = urllib.request.Request(
        url, headers={"User-Agent": f"keras-wa/{__version__}"}
    )
    for wait in (*WAITS, None):
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
                return bytes(answer.read())
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            if wait is None or not _is_worth_another_try(error):
                raise OSError(_cause(error)) from error
            time.sleep(wait)
    raise AssertionError("unreachable")


def _is_worth_another_try(error: Exception) -> bool:
    """Returns whether another attempt makes sense."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code == 429 or error.code >= 500
    reason = getattr(error, "reason", error)
    passing = (TimeoutError, ConnectionError, http.client.HTTPException)
    return isinstance(reason, passing) and not isinstance(
        reason, ConnectionRefusedError
    )


def _cause(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return str(error)
    return " ".join(str(getattr(error, "reason", error) or error).split())


def _check(path: Path, fetched: bool) -> list[str]:
    """Checks that a table can be read and is the official one; returns notes.

    Other numbers of ROIs or patients than the official ones are an error in a
    downloaded list, and a note in a list of the user.
    """
    if path.suffix == ".xlsx":
        read_table(path, cmmd.COLUMNS)
        return []
    known = _CASE_LISTS[path.name]
    if hashlib.sha256(path.read_bytes()).hexdigest() == known.sha256:
        return []
    cases = read_case_lists([path]).cases
    found = (len(cases), cases["patient_id"].nunique())
    if found == (known.rows, known.patients):
        return [
            f"{path.name} is not byte for byte the list known here; its "
            f"{found[0]} ROIs and {found[1]} patients agree."
        ]
    text = (
        f"{path.name}. Received: {found[0]} ROIs of {found[1]} patients; expected "
        f"{known.rows} of {known.patients}, as in the official list."
    )
    if fetched:
        raise UserError(f"{text} Run it again.")
    return [text]
