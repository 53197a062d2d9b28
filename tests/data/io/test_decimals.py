from __future__ import annotations

import pytest

from keras_wa.data.io.decimals import readings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", {(7,)}),
        (".5", {(0.5,)}),
        ("5.", {(5,)}),
        ("-1.5e-2", {(-0.015,)}),
        (" 1 \\ 2\0", {(1, 2)}),
        ("1\\2\\", {(1, 2)}),
        ("1;2", {(1, 2)}),
        ("0,5", {(0.5,), (0, 5)}),
        ("0.5,0.5", {(0.5, 0.5)}),
        ("0,5\\0,25", {(0.5, 0.25)}),
        ("-0,5", {(-0.5,), (0, 5)}),
        (
            "0,5,0,25",
            {(0.5, 0.25), (0, 5, 0.25), (0.5, 0, 25), (0, 5, 0, 25), (0, 5.0, 25)},
        ),
        ("1,000", {(1,), (1000,), (1, 0)}),
        ("1,000\\2,000", {(1, 2), (1000, 2000)}),
        ("4096,000", {(4096,), (4096, 0)}),
    ],
)
def test_each_way_to_read_a_text_is_given(text, expected):
    assert readings(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "abc", "1 2", "1\\\\2", "\\1", "nan", "inf", "1e999", "1e12", "0x1"),
        *("1_0", "--1", "1.2.3", "1,", ",1", "1mm", "\u0661", "1,2,3,4,5"),
    ],
)
def test_what_is_no_number_has_no_reading(text):
    assert readings(text) == set()


def test_a_long_text_is_read_at_once():
    assert readings("1," * 100_000 + "1") == set()
    assert readings("\\".join(["0,5"] * 100_000)) == {(0.5,) * 100_000}
