"""An image of a request is what it is, or refused."""

from __future__ import annotations

import base64
from typing import Any

import cv2
import numpy as np
import pytest

from keras_wa.errors import UserError
from keras_wa.server.images import grey_of, instances_of

GREY = np.random.default_rng(0).integers(0, 256, (5, 7), "uint8")
MOST = 2**26


def test_rows_become_the_image_they_are() -> None:
    np.testing.assert_array_equal(grey_of(GREY.tolist(), "roi").stored, GREY)
    ((name, deep),) = instances_of([GREY[..., None].tolist()], MOST, None)
    assert name == "instances.0"
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
    instance = {"b64": base64.b64encode(data).decode()}
    ((_, found),) = instances_of([instance], MOST, None)
    np.testing.assert_array_equal(found.stored, GREY)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b64": "%%%"}, "instances.3.b64"),
        ({"b64": "Ы"}, "instances.3.b64"),
        ({"b64": 5}, "an object with other fields"),
        ({"b64": "", "x": 1}, "an object with other fields"),
        ({"b64": ""}, "instances.3: upload: the file is empty"),
        ({"b64": "AAAA"}, "instances.3: upload: not a readable image"),
    ],
)
def test_a_bad_instance_is_told_with_its_number(value: Any, expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        list(instances_of([*[[[7]]] * 3, value], MOST, None))
