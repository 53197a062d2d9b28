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


def png(side: int, body: bytes, *others: tuple[bytes, bytes]) -> bytes:
    """A grey PNG of 8 bits, square, with this for pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", header), *others, (b"IDAT", body), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part))
        + kind
        + part
        + struct.pack(">I", zlib.crc32(kind + part))
        for kind, part in parts
    )


def zeros(size: int) -> bytes:
    """So many, a multiple of 2**20, deflated a thousand times."""
    deflater = zlib.compressobj(9)
    parts = [deflater.compress(bytes(2**20)) for _ in range(size >> 20)]
    return b"".join(parts) + deflater.flush()


def test_a_bomb_is_refused_without_decoding_it() -> None:
    side = 2**31 - 1
    with pytest.raises(UserError, match=f"too many pixels. Received: {side} by {side}"):
        decode_image(png(side, b""), "upload", most_pixels=2**26)


def test_a_small_image_of_endless_data_is_refused() -> None:
    data = png(64, zeros(2**27))
    assert len(data) < 2**18
    with pytest.raises(UserError, match="more than 32832 bytes once inflated"):
        decode_image(data, "upload", most_pixels=2**26)
    text = png(64, b"", (b"zTXt", b"a\0\0" + zeros(2**27)))
    with pytest.raises(UserError, match="header is damaged"):
        decode_image(text, "upload", most_pixels=2**26)


def test_a_large_image_that_compresses_well_or_badly_is_read() -> None:
    noise = np.random.default_rng(0).integers(0, 2**16, (300, 300, 4), "uint16")
    for image in (noise, np.zeros((9000, 9000), "uint8")):
        data = cv2.imencode(".png", image)[1].tobytes()
        assert len(data) > 2**16, "or it is not looked at"
        found = decode_image(data, "upload", most_pixels=2**27)
        assert found.shape == image.shape[:2]


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    data = cv2.imencode(".jpg", GREY, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    assert decode_image(data, "upload", most_pixels=2**26).shape == GREY.shape
    last = data[data.rfind(b"\xff\xda") : -2]
    many = data[:-2] + last * 100 + data[-2:]
    with pytest.raises(UserError, match=r"too many scans. Received: 1\d\d"):
        decode_image(many, "upload", most_pixels=2**26)


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
