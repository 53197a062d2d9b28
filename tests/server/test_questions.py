"""No field that a client sends is trusted."""

from __future__ import annotations

from typing import Any

import pytest

from keras_wa.data.io import Box
from keras_wa.errors import UserError
from keras_wa.server.questions import (
    Instances,
    Question,
    RoiQuestion,
    as_fields,
    box_of,
    parse,
)


def test_a_box_is_text_in_a_form_and_numbers_in_json() -> None:
    for found in (
        parse(Question, {"box": "1,-2,3,4"}),
        parse(RoiQuestion, b'{"roi": [[1]], "box": [1, -2, 3, 4]}'),
    ):
        assert box_of(found.box) == Box(1, -2, 3, 4)
    assert box_of(parse(Question, {}).box) is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"box": "1,2,3"}, r"box\.3\. Received: .*Field required"),
        ({"box": "1,2,0,4"}, r"box\.2\. Received: '0'; expected .*than or equal to 1"),
        ({"box": f"{10**400},2,3,4"}, r"box\.0"),
        ({"tta": "9"}, r"tta\. Received: '9'"),
        ({"pixel_spacing": "wide"}, r"pixel_spacing\. Received: 'wide'"),
        (
            {"cropp": "roi"},
            r"cropp\. Received: 'roi'; expected one of the fields .*box,",
        ),
    ],
)
def test_a_bad_field_is_named(values: Any, expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        parse(Question, values)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[" * 100_000, b'{"instances": []}', b'{"inputs": [[1]]}', b"\xff"],
    ids=len,
)
def test_json_that_is_none_or_another_is_refused(body: bytes) -> None:
    with pytest.raises(UserError, match=r"^(body|instances)\. Received: "):
        parse(Instances, body)


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "0"])
def test_a_pixel_spacing_that_none_has_is_refused(value: str) -> None:
    with pytest.raises(UserError, match="pixel_spacing"):
        parse(Question, {"pixel_spacing": value})


def test_a_message_names_fields_of_a_request() -> None:
    said = "`pixel_spacing`, `crop='roi'`, `bits_stored=12`, `for_processing=True`"
    wanted = "pixel_spacing, crop roi, bits_stored 12, for_processing"
    assert as_fields(said) == wanted
    assert as_fields("Name it with `data_dir`.") == "Name it with `data_dir`."
