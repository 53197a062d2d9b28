"""Reads tables: spreadsheets, and CSV from Excel in any language."""

from __future__ import annotations

import codecs
import csv
import dataclasses
import io
import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from keras_wa.errors import UserError, in_one_line

TEXT = pd.StringDtype("python")
"""The dtype of every column of a `Table`; Python storage does not need pyarrow."""

# The byte order mark of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_START = 1000  # Characters.
# First line of Excel's CSV; quoted or padded if saved with another separator.
_SEPARATOR = re.compile(r'\s*"?sep=(\\t|[^"\r\n])"?[,;\s]*', re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Table:
    """The content of a table.

    The columns of `rows` are stripped text; an empty field is NA. The index is the line
    in the file, with the header as line 1; empty lines are left out. `skipped` has file
    and reason for each line with more fields than columns.
    """

    rows: pd.DataFrame
    skipped: list[tuple[str, str]]


def read_table(path: Path, columns: Sequence[str]) -> Table:
    """Reads a CSV file, from Excel in any language, or the first sheet of a workbook.

    CSV is UTF-8, or UTF-16 or UTF-32 with a byte order mark; `.xls` needs the package
    xlrd. The required `columns` are found in any case and get these names.

    Raises:
        UserError: the file cannot be read, or a column is missing or duplicated.
    """
    spreadsheet = path.suffix.lower() in (".xlsx", ".xls")
    try:
        frame, skipped = _read_sheet(path) if spreadsheet else _read_csv(path)
    except ImportError as error:
        raise UserError(
            f"{path}: an .xls file needs the package xlrd. Expected: pip install xlrd, "
            "or save the sheet as .xlsx or .csv beside it and remove the .xls."
        ) from error
    except Exception as error:
        # openpyxl can raise any exception for a damaged spreadsheet.
        kind = "a spreadsheet" if spreadsheet else "a CSV file in UTF-8"
        raise UserError(
            f"{path}: cannot be read as a table ({in_one_line(error)}). Expected: "
            f"{kind} with a header."
        ) from error
    wanted = {name.lower(): name for name in columns}
    names = [str(name).strip() for name in frame.columns]
    names = [wanted.get(name.lower(), name) for name in names]
    frame.columns = pd.Index(names)
    for name in columns:
        if names.count(name) != 1:
            found = "repeated" if name in names else "missing"
            raise UserError(
                f"{path}: column {name!r} is {found}. Received: "
                f"{', '.join(names)}; expected each of {', '.join(columns)} once."
            )
    frame = frame.loc[:, [bool(name) for name in names]]
    rows = frame.apply(lambda column: column.astype(TEXT).str.strip())
    rows = rows.replace("", pd.NA).dropna(how="all")
    return Table(rows, skipped)


def _csv_text(path: Path) -> tuple[str, str, int]:
    """Returns a CSV file's text from the header on, the separator, and lines above.

    The separator is that of a first line such as `sep=;`, or the most frequent of
    comma, semicolon and tab in the header.
    """
    data = path.read_bytes()
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    text = data.decode(encoding)
    if "\0" in text[:_START]:
        raise ValueError("zero bytes, as of UTF-16 without its mark")
    first, *rest = re.split(r"\r\n?|\n", text, maxsplit=1)
    stated = _SEPARATOR.fullmatch(first)
    if stated:
        return "".join(rest), "\t" if stated[1] == "\\t" else stated[1], 1
    return text, max(",;\t", key=first.count), 0


def with_slashes(path: str, root: Path, must_exist: bool = True) -> str:
    """Converts a path in a table from Windows to `/` if that finds a file in the root.

    Without `must_exist` it is enough that the original path does not exist.
    """
    other = path.replace("\\", "/")
    if other == path or not stays_below(other) or os.path.lexists(root / path):
        return path
    return other if not must_exist or os.path.isfile(root / other) else path


def stays_below(path: str) -> bool:
    """Returns whether a path in a table, with `/`, stays in its folder.

    A backslash or a colon has another meaning on other systems and does not pass.
    """
    return (
        not PurePosixPath(path).is_absolute()
        and ".." not in PurePosixPath(path).parts
        and not set(path) & set("\\:\0")
    )


def find_file(root: Path, names: Sequence[str], what: str) -> Path:
    """Finds a file by its possible names in a folder or its subfolders.

    The folder goes before its subfolders, then the order of the names; case does not
    matter. `what` describes the file in the error if there is none.
    """
    wanted = [name.lower() for name in names]
    try:
        entries = sorted(root.iterdir())
        inner = [
            path
            for folder in entries
            if folder.is_dir() and not folder.name.startswith(".")
            for path in sorted(folder.iterdir())
        ]
    except OSError as error:
        raise UserError(
            f"{error.filename or root}: cannot be listed ({error.strerror or error}). "
            "Expected: the data set's folder; check `data_dir`."
        ) from error
    for place in (entries, inner):
        found = {path.name.lower(): path for path in reversed(place) if path.is_file()}
        for name in wanted:
            if name in found:
                return found[name]
    raise UserError(
        f"{root}: {what}. Received: no such file here or one folder below; expected "
        f"{' or '.join(names)}."
    )


def _read_sheet(path: Path) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    frame = pd.read_excel(path, dtype=str, keep_default_na=False, na_values=[""])
    frame.index = pd.RangeIndex(2, len(frame) + 2)
    return frame, []


def _read_csv(path: Path) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    text, delimiter, above = _csv_text(path)
    file = io.StringIO(text, newline="")
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    rows, lines, skipped = [], [], []
    try:
        header = next(reader, [])
        for fields in reader:
            line = reader.line_num + above
            if any(fields[len(header) :]):
                skipped.append(
                    (
                        path.name,
                        f"line {line}: {len(fields)} fields. Expected: "
                        f"{len(header)}, as in the header; quote a field that holds "
                        "the separator.",
                    )
                )
                continue
            fields = fields[: len(header)]
            rows.append(fields + [""] * (len(header) - len(fields)))
            lines.append(line)
    except csv.Error as error:
        line = reader.line_num + above
        raise ValueError(f"{error} at line {line}; is each quote closed?") from error
    return pd.DataFrame(rows, columns=header, index=lines, dtype=TEXT), skipped
