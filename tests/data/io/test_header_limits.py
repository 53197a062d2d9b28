"""A stranger's image is refused by what its header announces."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest

from keras_wa.data.io import decode_image
from keras_wa.errors import UserError
from tests.data.io.dicom_files import dicom_bytes, dicom_dataset

GREY = np.random.default_rng(0).integers(0, 256, (30, 40), "uint8")
PGM = b"P5 40 30 255\n" + GREY.tobytes()


def encoded(suffix: str) -> bytes:
    if suffix == ".pgm":
        return PGM
    if suffix == ".dcm":
        return dicom_bytes(dicom_dataset(GREY))
    return cv2.imencode(suffix, GREY)[1].tobytes()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp", ".pgm", ".dcm"])
def test_the_limit_lets_through_what_fits_exactly(suffix):
    data = encoded(suffix)
    image = decode_image(data, "upload", most_pixels=30 * 40)
    np.testing.assert_array_equal(image.stored, decode_image(data, "x").stored)
    with pytest.raises(UserError, match=r"30 by 40; expected .*at most 1199"):
        decode_image(data, "upload", most_pixels=30 * 40 - 1)


def png(
    side: int,
    body: bytes,
    *others: tuple[bytes, bytes],
    kind: tuple[int, int, int] = (8, 0, 0),
) -> bytes:
    """A square PNG of a depth, colour type and interlacing, with this for pixels."""
    depth, colour, passes = kind
    header = struct.pack(">IIBBBBB", side, side, depth, colour, 0, 0, passes)
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


def test_a_bomb_is_refused_without_decoding_it():
    side = 2**31 - 1
    with pytest.raises(UserError, match=f"too many pixels. Received: {side} by {side}"):
        decode_image(png(side, b""), "upload", most_pixels=2**26)


def test_a_small_image_of_endless_data_is_refused():
    data = png(64, zeros(2**27))
    assert len(data) < 2**18
    with pytest.raises(UserError, match="more than 32904 bytes once inflated"):
        decode_image(data, "upload", most_pixels=2**26)
    text = png(64, b"", (b"zTXt", b"a\0\0" + zeros(2**27)))
    with pytest.raises(UserError, match="header is damaged"):
        decode_image(text, "upload", most_pixels=2**26)


def test_a_large_image_that_compresses_well_or_badly_is_read():
    noise = np.random.default_rng(0).integers(0, 2**16, (300, 300, 4), "uint16")
    for image in (noise, np.zeros((9000, 9000), "uint8")):
        data = cv2.imencode(".png", image)[1].tobytes()
        assert len(data) > 2**16, "or it is not looked at"
        found = decode_image(data, "upload", most_pixels=2**27)
        assert found.shape == image.shape[:2]


def interlaced(image: np.ndarray) -> bytes:
    """A square PNG of 16 bits, RGBA, in the seven passes of Adam7."""
    starts = ((0, 0), (0, 4), (4, 0), (0, 2), (2, 0), (0, 1), (1, 0))
    steps = ((8, 8), (8, 8), (8, 4), (4, 4), (4, 2), (2, 2), (2, 1))
    rows = (
        row
        for (y, x), (down, right) in zip(starts, steps, strict=True)
        for row in image[y::down, x::right].astype(">u2")
        if row.size
    )
    # Each begins with the number of its filter, 0 for none.
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    return png(len(image), body, kind=(16, 6, 1))


@pytest.mark.parametrize("side", [91, 100, 128])
def test_an_interlaced_image_is_read_though_its_rows_are_more(side):
    image = np.random.default_rng(0).integers(0, 2**16, (side, side, 4), "uint16")
    data = interlaced(image)
    assert len(data) > 2**16, "or it is not looked at"
    plain = cv2.imencode(".png", image[..., [2, 1, 0, 3]])[1].tobytes()
    found = decode_image(data, "upload", most_pixels=2**26)
    np.testing.assert_array_equal(found.stored, decode_image(plain, "x").stored)


def tiled(side: int, tile: tuple[int, int]) -> bytes:
    """A grey TIFF of 8 bits, square, in one tile, height and width; all of it 0."""
    body = zlib.compress(bytes(tile[0] * tile[1]))
    # Width, height, depth, deflate, black is zero, offset 8; tile width and height.
    tags = {256: side, 257: side, 258: 8, 259: 8, 262: 1, 277: 1}
    tags |= {322: tile[1], 323: tile[0], 324: 8, 325: len(body)}
    entries = [struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in sorted(tags)]
    return b"".join(
        [
            struct.pack("<4sI", b"II*\0", 8 + len(body)),
            body,
            struct.pack("<H", len(entries)),
            *entries,
            bytes(4),
        ]
    )


def test_a_tile_counts_as_the_pixels_that_it_has():
    fine = tiled(16, (64, 32))
    assert decode_image(fine, "upload", most_pixels=2048).shape == (16, 16)
    with pytest.raises(UserError, match=r"upload: a tile of it: .* 64 by 32; .* 2047"):
        decode_image(fine, "upload", most_pixels=2047)


def test_a_jpeg_of_endless_scans_is_refused():
    data = cv2.imencode(".jpg", GREY, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    assert decode_image(data, "upload", most_pixels=2**26).shape == GREY.shape
    last = data[data.rfind(b"\xff\xda") : -2]
    many = data[:-2] + last * 100 + data[-2:]
    with pytest.raises(UserError, match=r"too many scans. Received: 1\d\d"):
        decode_image(many, "upload", most_pixels=2**26)


@pytest.mark.parametrize("suffix", [".webp", ".ppm"])
def test_of_a_stranger_only_the_named_formats_are_read(suffix):
    data = cv2.imencode(suffix, np.dstack([GREY] * 3))[1].tobytes()
    assert decode_image(data, "own").shape == GREY.shape
    with pytest.raises(UserError, match="expected PNG, JPEG, PGM, TIFF, BMP or DICOM"):
        decode_image(data, "upload", most_pixels=2**26)


def test_a_damaged_header_is_told():
    data = encoded(".png")[:20] + b"IEND"
    with pytest.raises(UserError, match="header is damaged"):
        decode_image(data, "upload", most_pixels=2**26)
