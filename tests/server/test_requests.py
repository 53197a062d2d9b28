"""Nothing that a client sends is believed."""

from __future__ import annotations

import base64
from typing import Any

import cv2
import numpy as np
import pytest

from keras_wa.data.io import Box
from keras_wa.errors import UserError
from keras_wa.server.requests import (
    Instances,
    Question,
    RoiQuestion,
    as_fields,
    grey_of,
    instance_of,
    parse,
)

GREY = np.random.default_rng(0).integers(0, 256, (5, 7), "uint8")
MOST = 2**26


def test_rows_become_the_image_they_are() -> None:
    np.testing.assert_array_equal(grey_of(GREY.tolist(), "roi").stored, GREY)
    deep = instance_of(GREY[..., None].tolist(), 0, MOST)
    np.testing.assert_array_equal(deep.stored, GREY)
    whole = grey_of(GREY.astype(float).tolist(), "roi")
    np.testing.assert_array_equal(whole.stored, GREY)


@pytest.mark.parametrize(
    "rows",
    [
        *([], [[]], [[], []], [3], 7, None, "ab", ["ab"], {"a": 1}, [{"a": 1}]),
        *([[1, 2], [3]], [[256]], [[-1]], [[0.5]], [["1"]], [[None]], [[1e300]]),
        *([[[1, 2]]], [[[1], 2]], [[1, [2]]], [[[[1]]]], [10**9], [[10**400]]),
    ],
    ids=str,
)
def test_what_is_no_grey_image_is_refused(rows: Any) -> None:
    with pytest.raises(UserError, match=r"^roi\. Received: .*whole numbers from 0 to"):
        grey_of(rows, "roi")


def test_an_encoded_instance_is_decoded() -> None:
    data = cv2.imencode(".png", GREY)[1].tobytes()
    found = instance_of({"b64": base64.b64encode(data).decode()}, 0, MOST)
    np.testing.assert_array_equal(found.stored, GREY)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b64": "%%%"}, "instances.3.b64"),
        ({"b64": "Ы"}, "instances.3.b64"),
        ({"b64": 5}, "an object of other fields"),
        ({"b64": "", "x": 1}, "an object of other fields"),
        ({"b64": ""}, "instances.3: upload: the file is empty"),
        ({"b64": "AAAA"}, "instances.3: upload: not a readable image"),
    ],
)
def test_a_bad_instance_is_told_with_its_number(value: Any, expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        instance_of(value, 3, MOST)


def test_a_box_is_text_in_a_form_and_numbers_in_json() -> None:
    assert parse(Question, {"box": "1,-2,3,4"}).lesion() == Box(1, -2, 3, 4)
    found = parse(RoiQuestion, b'{"roi": [[1]], "box": [1, -2, 3, 4]}')
    assert found.lesion() == Box(1, -2, 3, 4)
    assert parse(Question, {}).lesion() is None


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
        parse(Question, {"pixel_spacing": value}).options("fixed", 25.6)


def test_a_message_names_fields_of_a_request() -> None:
    said = "`pixel_spacing`, `crop='roi'`, `bits_stored=12`, `for_processing=True`"
    wanted = "pixel_spacing, crop roi, bits_stored 12, for_processing"
    assert as_fields(said) == wanted
    assert as_fields("Name it with `data_dir`.") == "Name it with `data_dir`."
