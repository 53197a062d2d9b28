"""The size in a compressed frame's header, from frames made by hand and by encoders."""

from __future__ import annotations

import struct

import pytest

from keras_wa.data.io.frames import frame_size


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def start_of_frame(marker: int, rows: int, columns: int, components: int = 1) -> bytes:
    return segment(marker, struct.pack(">BHHB", 8, rows, columns, components) + b"abc")


@pytest.mark.parametrize("marker", [0xC0, 0xC1, 0xC3, 0xF7])
def test_jpeg_and_jpeg_ls_after_other_segments(marker):
    frame = b"\xff\xd8" + segment(0xE0, b"JFIF\0") + segment(0xC4, b"table")
    frame += b"\xff" + start_of_frame(marker, 300, 200, 3)
    assert frame_size(frame) == (300, 200, 3, 8)


def test_jpeg_2000_less_the_offset_of_its_image():
    body = struct.pack(">H8IHB", 0, 210, 320, 10, 20, 64, 64, 0, 0, 1, 0x8B)
    frame = b"\xff\x4f" + segment(0x51, body)
    assert frame_size(frame) == (300, 200, 1, 12)
    # Behind the boxes of a JP2 file.
    assert frame_size(b"\0\0\0\x0cjP  " + bytes(60) + frame) == (300, 200, 1, 12)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xff\xd8",
        b"no JPEG at all",
        b"\xff\x4f\xff\x51" + bytes(20),
        b"\xff\xd8" + segment(0xE0, b"only this"),
        b"\xff\xd8" + start_of_frame(0xC0, 3, 4)[:8],
        b"\xff\xd8" + b"\x00" + start_of_frame(0xC0, 3, 4),
        # A segment of length 0 would be read again and again.
        b"\xff\xd8" + b"\xff\xe0\x00\x00" * 5,
        # Progressive.
        b"\xff\xd8" + start_of_frame(0xC2, 3, 4),
    ],
)
def test_without_a_header_nothing_is_known(frame):
    assert frame_size(frame) is None
