"""Tables as people and their spreadsheets write them."""

from __future__ import annotations

import sys
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from keras_wa.data.tables import find_file, read_table, with_slashes
from keras_wa.errors import UserError

COLUMNS = ("path", "label")


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def write_sheet(path: Path, rows: list[list]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "path,label\na.png,1\nb c.png,0\n",
        "path;label\r\na.png;1\r\nb c.png;0\r\n",
        "path\tlabel\na.png\t1\nb c.png\t0",
        "sep=,\npath,label\na.png,1\nb c.png,0\n",
        "sep=;\r\npath;label\r\na.png;1\r\nb c.png;0\r\n",
        '\ufeff"sep=;"\r\npath;label\r\na.png;1\r\nb c.png;0\r\n',
        "SEP=\t\npath\tlabel\na.png\t1\nb c.png\t0\n",
        "sep=\\t\npath\tlabel\na.png\t1\nb c.png\t0\n",
        "sep=;\rpath;label\ra.png;1\rb c.png;0\r",
        "sep=|,,\npath|label\na.png|1\nb c.png|0\n",
        '﻿Path , LABEL,\n"a.png", 1 ,\n\n,,\n b c.png,0\n',
    ],
    ids=[
        *("comma", "semicolon", "tab", "sep=,", "sep=;", "quoted", "sep=tab"),
        *("sep=\\t", "sep=; and CR", "sep=|", "marks, cases, blanks"),
    ],
)
def test_the_same_table_whatever_wrote_it(tmp_path, text):
    table = read_table(write(tmp_path / "t.csv", text), COLUMNS)
    assert list(table.rows.columns) == ["path", "label"]
    assert table.rows.to_numpy().tolist() == [["a.png", "1"], ["b c.png", "0"]]
    assert table.skipped == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "utf-8-sig"])
def test_unicode_text_of_excel_is_read_by_its_mark(tmp_path, encoding):
    text = "path\tlabel\r\nbrüste.png\t1\r\n"
    if encoding == "utf-16-be":  # Python writes no mark then.
        text = f"\ufeff{text}"
    rows = read_table(write(tmp_path / "t.csv", text, encoding), COLUMNS).rows
    assert rows.to_numpy().tolist() == [["brüste.png", "1"]]


def test_utf_16_without_its_mark_is_refused_in_one_line(tmp_path):
    path = write(tmp_path / "t.csv", "path\tlabel\na\t1\n", "utf-16-le")
    with pytest.raises(UserError, match=r"zero bytes, as of UTF-16 without its mark"):
        read_table(path, COLUMNS)


def test_lines_are_counted_from_the_top_below_a_separator(tmp_path):
    path = write(tmp_path / "t.csv", "sep=;\npath;label\na;1\nb;0;x\nc;1\n")
    table = read_table(path, COLUMNS)
    assert list(table.rows.index) == [3, 5]
    assert table.skipped[0][1].startswith("line 4: 3 fields")


@pytest.mark.parametrize("must_exist", [True, False])
def test_backslashes_part_a_path_where_that_finds_the_file(tmp_path, must_exist):
    (tmp_path / "in" / "a").mkdir(parents=True)
    (tmp_path / "in" / "a" / "x.png").touch()
    (tmp_path / "in" / "odd\\name.png").touch()
    (tmp_path / "out.png").touch()
    root = tmp_path / "in"

    def found(path: str) -> str:
        return with_slashes(path, root, must_exist)

    assert found("a\\x.png") == found("a/x.png") == "a/x.png"
    assert found(".\\a\\x.png") == "./a/x.png"
    for path in ("odd\\name.png", "..\\out.png", "C:\\a\\x.png", "\\a\\x.png"):
        assert found(path) == path
    assert found("a\\y.png") == ("a\\y.png" if must_exist else "a/y.png")


def test_the_index_is_the_line_in_the_file(tmp_path):
    text = 'path,label\na,1\n\n"b\nb",0\nc,1\n'
    assert list(read_table(write(tmp_path / "t.csv", text), COLUMNS).rows.index) == [
        *(2, 5, 6)
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('"a,1\nb,0\nc,1\n', 4),
        ('a,1\n"b,0\n"c",1\nd,0\n', 4),
        ('a,1\n"b,0\nc,1\n"d,0\n', 5),
        ('a,1\nb,"0\nc,1\n', 4),
    ],
)
def test_a_quote_that_is_not_closed_loses_no_row(tmp_path, text, line):
    path = write(tmp_path / "t.csv", f"path,label\n{text}")
    with pytest.raises(UserError, match=rf"at line {line}; is each quote closed"):
        read_table(path, COLUMNS)


def test_quotes_within_a_field_and_lines_within_quotes_are_read(tmp_path):
    path = write(tmp_path / "t.csv", 'path,label\n5" film,1\nb,"0\nor 1"\n')
    rows = read_table(path, COLUMNS).rows
    assert rows.to_numpy().tolist() == [['5" film', "1"], ["b", "0\nor 1"]]


def test_text_stays_text_and_empty_is_missing(tmp_path):
    text = "path,label\n0012,NA\nNone,\n1e3,nan\n"
    rows = read_table(write(tmp_path / "t.csv", text), COLUMNS).rows
    assert list(rows["path"]) == ["0012", "None", "1e3"]
    assert list(rows["label"].fillna("missing")) == ["NA", "missing", "nan"]


def test_a_line_with_too_many_fields_is_skipped_and_a_short_one_filled(tmp_path):
    text = "path,label\na,b.png,1\nc\nd,1\n"
    table = read_table(write(tmp_path / "t.csv", text), COLUMNS)
    assert list(table.rows["path"]) == ["c", "d"]
    assert pd.isna(table.rows["label"].iloc[0])
    ((name, reason),) = table.skipped
    assert name == "t.csv"
    assert reason.startswith("line 2: 3 fields. Expected: 2")


def test_a_spreadsheet_reads_like_the_csv(tmp_path):
    path = write_sheet(
        tmp_path / "t.xlsx",
        [["path", "Label", "n"], ["a", 22678622, 1.5], [None, None, None], ["b", 4.0]],
    )
    rows = read_table(path, COLUMNS).rows
    assert rows.fillna("missing").to_numpy().tolist() == [
        ["a", "22678622", "1.5"],
        ["b", "4", "missing"],
    ]
    assert list(rows.index) == [2, 4]


def test_a_table_without_rows_is_empty(tmp_path):
    for text in ("path,label\n", "path,label"):
        rows = read_table(write(tmp_path / "t.csv", text), COLUMNS).rows
        assert rows.empty
        assert list(rows.columns) == ["path", "label"]
    sheet = write_sheet(tmp_path / "t.xlsx", [["path", "label"]])
    assert read_table(sheet, COLUMNS).rows.empty


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "column 'path' is missing"),
        ("file,label\n", "column 'path' is missing. Received: file, label; expected"),
        ("path,label,Path\n", "column 'path' is repeated"),
    ],
)
def test_a_missing_or_doubled_column_is_a_user_error(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        read_table(write(tmp_path / "t.csv", text), COLUMNS)


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx"])
@pytest.mark.parametrize("content", [b"\xff\xfe\x00p", b"PK\x03\x04broken", None])
def test_a_file_that_is_no_table_is_told_in_one_line(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{name}: ") as caught:
        read_table(tmp_path / name, COLUMNS)
    assert "\n" not in str(caught.value)


def test_an_old_spreadsheet_without_xlrd_says_how_to_convert(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "xlrd", None)
    (tmp_path / "t.xls").write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504))
    with pytest.raises(UserError, match=r"t\.xls: .* pip install xlrd, or save"):
        read_table(tmp_path / "t.xls", COLUMNS)


def test_a_file_is_found_here_before_one_below_in_the_order_of_names(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.csv").touch()
    names = ("b.csv", "A.csv")
    assert find_file(tmp_path, names, "list") == tmp_path / "sub" / "b.csv"
    (tmp_path / "a.CSV").touch()
    assert find_file(tmp_path, names, "list") == tmp_path / "a.CSV"
    (tmp_path / "B.csv").touch()
    assert find_file(tmp_path, names, "list") == tmp_path / "B.csv"


def test_an_absent_file_or_folder_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match=r"the list\. Received: no such .* a\.csv or b"):
        find_file(tmp_path, ("a.csv", "b.csv"), "the list")
    with pytest.raises(UserError, match=r"gone: cannot be listed .* `data_dir`"):
        find_file(tmp_path / "gone", ("a.csv",), "the list")
