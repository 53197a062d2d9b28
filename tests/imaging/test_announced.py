"""A stranger's image is refused by what its header announces."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest

from keras_wa.errors import UserError
from keras_wa.imaging import decode_image
from tests.imaging.dicom_files import dicom_bytes, dicom_dataset

GREY = np.random.default_rng(0).integers(0, 256, (30, 40), "uint8")
PGM = b"P5 40 30 255\n" + GREY.tobytes()


def encoded(suffix: str) -> bytes:
    if suffix == ".pgm":
        return PGM
    if suffix == ".dcm":
        return dicom_bytes(dicom_dataset(GREY))
    return cv2.imencode(suffix, GREY)[1].tobytes()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp", ".pgm", ".dcm"])
def test_the_limit_lets_through_what_fits_exactly(suffix: str) -> None:
    data = encoded(suffix)
    image = decode_image(data, "upload", most_pixels=30 * 40)
    np.testing.assert_array_equal(image.stored, decode_image(data, "x").stored)
    with pytest.raises(UserError, match=r"30 by 40; expected .*at most 1199"):
        decode_image(data, "upload", most_pixels=30 * 40 - 1)


def test_a_bomb_is_refused_without_decoding_it() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    side = 2**31 - 1
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    with pytest.raises(UserError, match=f"too many pixels. Received: {side} by {side}"):
        decode_image(data, "upload", most_pixels=2**26)


@pytest.mark.parametrize("suffix", [".webp", ".ppm"])
def test_of_a_stranger_only_the_named_formats_are_read(suffix: str) -> None:
    data = cv2.imencode(suffix, np.dstack([GREY] * 3))[1].tobytes()
    assert decode_image(data, "own").shape == GREY.shape
    with pytest.raises(UserError, match="expected PNG, JPEG, PGM, TIFF, BMP or DICOM"):
        decode_image(data, "upload", most_pixels=2**26)


def test_a_damaged_header_is_told() -> None:
    data = encoded(".png")[:20] + b"IEND"
    with pytest.raises(UserError, match="header is damaged"):
        decode_image(data, "upload", most_pixels=2**26)
