"""Tables that people keep: spreadsheets, and CSV as any language's Excel writes it."""

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

from keras_wa.errors import UserError

TEXT = pd.StringDtype("python")
"""The dtype of every column of a `Table`; python storage needs no pyarrow."""

# UTF-32's mark begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_START = 1000  # Characters.
# Excel's first line; saved again with another separator, it is quoted or padded.
_SEPARATOR = re.compile(r'\s*"?sep=(\\t|[^"\r\n])"?[,;\s]*', re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Table:
    """The content of a table.

    Attributes:
        rows: every column as text without the white space about it; an empty field is
            NA. The index is the line in the file, the header being line 1. Empty lines
            are left out.
        skipped: file and reason for each line with more fields than columns.
    """

    rows: pd.DataFrame
    skipped: list[tuple[str, str]]


def read_table(path: Path, columns: Sequence[str]) -> Table:
    """Reads a CSV file or a spreadsheet.

    Args:
        path: a file with a header. `.xlsx` and `.xls` are spreadsheets, of which the
            first sheet is read; `.xls` needs the package xlrd. Everything else is CSV
            see `csv_text`.
        columns: those that have to be there, in any case; they come out as given here.

    Returns:
        The table.

    Raises:
        UserError: the file cannot be read, a column is missing or comes twice.
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
        # A damaged spreadsheet makes openpyxl raise whatever the damage leads to.
        detail = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{path}: cannot be read as a table ({detail}). Expected: a CSV file in "
            "UTF-8 or an .xlsx spreadsheet, with a header."
        ) from error
    wanted = {name.lower(): name for name in columns}
    names = [str(name).strip() for name in frame.columns]
    names = [wanted.get(name.lower(), name) for name in names]
    frame.columns = pd.Index(names)
    for name in columns:
        if names.count(name) != 1:
            found = "there twice" if name in names else "missing"
            raise UserError(
                f"{path}: column {name!r} is {found}. Received: "
                f"{', '.join(names)}; expected each of {', '.join(columns)} once."
            )
    frame = frame.loc[:, [bool(name) for name in names]]
    rows = frame.apply(lambda column: column.astype(TEXT).str.strip())
    rows = rows.replace("", pd.NA).dropna(how="all")
    return Table(rows, skipped)


def csv_text(path: Path) -> tuple[str, str, int]:
    """Reads a CSV file as Excel writes it, in any language.

    Args:
        path: in UTF-8; or in UTF-16 or UTF-32 with its mark, as "Unicode text" has it.

    Returns:
        The text from the header on; what parts its fields: what a first line such as
        `sep=;` says, else whichever of comma, semicolon and tab the header has most of;
        and the number of lines above the header.

    Raises:
        OSError: it cannot be read.
        ValueError: it is in another encoding.
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
    """A path as a table from Windows has it, with `/` between its parts.

    Args:
        path: with backslashes perhaps.
        root: folder that it is relative to.
        must_exist: whether a file has to be found so; else it is enough that none has
            the name as it is written.

    Returns:
        The path with `/` for each backslash where that finds a file below the root;
        else as it is.
    """
    other = path.replace("\\", "/")
    if other == path or not stays_below(other) or os.path.lexists(root / path):
        return path
    return other if not must_exist or os.path.isfile(root / other) else path


def stays_below(path: str) -> bool:
    """Whether a path in a table stays below the folder that it is relative to.

    Args:
        path: with `/` between its parts. One with a backslash or a colon may mean
            something else on another system and does not.
    """
    return (
        not PurePosixPath(path).is_absolute()
        and ".." not in PurePosixPath(path).parts
        and not set(path) & set("\\:\0")
    )


def find_file(root: Path, names: Sequence[str], what: str) -> Path:
    """Finds a file by its possible names in a folder or in one of its sub-folders.

    Args:
        root: the folder.
        names: in the order in which they are preferred; in any case.
        what: what the file is, for the message.

    Returns:
        The file; one in the folder itself before one in a sub-folder.

    Raises:
        UserError: there is none or the folder cannot be listed.
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
    text, delimiter, above = csv_text(path)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = next(reader, [])
    rows, lines, skipped = [], [], []
    for fields in reader:
        line = reader.line_num + above
        if any(fields[len(header) :]):
            skipped.append(
                (
                    path.name,
                    f"line {line}: {len(fields)} fields. Expected: "
                    f"{len(header)}, as in the header; quote a field that holds the "
                    "separator.",
                )
            )
            continue
        fields = fields[: len(header)]
        rows.append(fields + [""] * (len(header) - len(fields)))
        lines.append(line)
    return pd.DataFrame(rows, columns=header, index=lines, dtype=TEXT), skipped
