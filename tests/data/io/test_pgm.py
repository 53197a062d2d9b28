"""PGM files of both forms and any maximum."""

from __future__ import annotations

import numpy as np
import pytest

from keras_wa.data.io.pgm import decode_pgm
from keras_wa.data.io.reading import decode_image
from keras_wa.errors import UserError

VALUES = {
    # maximum: (stored, expected 8-bit grey = 255 * stored / maximum, worked by hand)
    1: ([0, 1, 1], [0, 255, 255]),
    100: ([0, 50, 100], [0, 128, 255]),
    255: ([0, 77, 255], [0, 77, 255]),
    4095: ([0, 2047, 4095], [0, 127, 255]),
    65535: ([0, 257, 65535], [0, 1, 255]),
}


@pytest.mark.parametrize("maximum", VALUES)
@pytest.mark.parametrize("form", ["P2", "P5"])
def test_both_forms_scale_by_the_maximum_of_the_header(form, maximum):
    stored, expected = VALUES[maximum]
    if form == "P5":
        body = np.array(stored, ">u2" if maximum > 255 else "u1").tobytes()
    else:
        body = " ".join(map(str, stored)).encode()
    data = f"{form}\n# made by hand\n3 1\n{maximum}\n".encode() + body
    values, found = decode_pgm(data, "x.pgm")
    assert found == maximum
    np.testing.assert_array_equal(values, [stored])
    np.testing.assert_array_equal(decode_image(data, "x.pgm").grey(), [expected])


def test_a_pixel_that_looks_like_white_space_is_a_pixel():
    image, _ = decode_pgm(b"P5 2 2 255\n\n #\t", "x.pgm")
    np.testing.assert_array_equal(image, [[10, 32], [35, 9]])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"P5\n60 60\n", "no complete PGM header"),
        (b"P5 " + b"9" * 5000 + b" 1 255\n0", "no complete PGM header"),
        # Matching it would take hundreds of megabytes.
        (b"P2 " + b"#\n" * 2**23 + b"1 1 255\n0", "no complete PGM header"),
        (b"P5\n3 0\n255\n", "Received: 3 by 0 pixels"),
        (b"P5\n3 1\n70000\n123", "maximum value 70000"),
        (b"P5\n3 2\n255\nabcde", "Received: 5 pixels; expected 6"),
        (b"P5\n3 1\n1000\nabcde", "Received: 2 pixels; expected 3"),
        (b"P2\n3 1\n255\n1 2", "Received: 2 pixels; expected 3"),
    ],
    ids=range(8),
)
def test_a_damaged_file_names_itself_and_what_is_missing(data, message):
    with pytest.raises(UserError, match=message) as caught:
        decode_pgm(data, "folder/x.pgm")
    assert str(caught.value).startswith("folder/x.pgm: ")
    assert "\n" not in str(caught.value)


def test_numbers_are_whole_wherever_the_text_is_cut(monkeypatch):
    values = np.random.default_rng(0).integers(0, 256, (9, 7), "uint8")
    data = b"P2 7 9 255\n" + b" ".join(b"%d" % value for value in values.ravel())
    for piece in range(1, 9):
        monkeypatch.setattr("keras_wa.data.io.pgm._PIECE", piece)
        found, _ = decode_pgm(data + b" 7 8", "x.pgm")
        np.testing.assert_array_equal(found, values)
