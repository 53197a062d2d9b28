"""One function reads every format, and tells a bad file from a good one."""

from __future__ import annotations

import struct
from unittest import mock

import cv2
import numpy as np
import pytest

from keras_wa.data.io.file_kinds import IMAGE_SUFFIXES
from keras_wa.data.io.reading import decode_image, open_image
from keras_wa.errors import UserError


@pytest.fixture
def grey() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (17, 23), dtype=np.uint8)


def tiff_16_bit(
    values: np.ndarray,
    photometric: int,
    kind: int = 4,
    order: str = "<",
    damaged: bool = False,
) -> bytes:
    """A TIFF written byte by byte, as OpenCV writes no white-is-zero ones."""
    height, width = values.shape
    data = values.astype(f"{order}u2").tobytes()
    tags = [(256, width), (257, height), (258, 16), (259, 1), (262, photometric)]
    tags += [(273, 8), (277, 1), (278, height), (279, len(data))]
    entries = [struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags]
    # Of a BYTE or a SHORT the rest of the field is not used.
    value = struct.pack(f"{order}{' B HI'[kind]}", photometric)
    entries[4] = struct.pack(f"{order}HHI", 262, kind, 1) + value.ljust(4, b"\xff")
    if damaged:  # 100 characters beyond the end of the file.
        entries.insert(0, struct.pack(f"{order}HHII", 254, 2, 100, 10**6))
    mark = {"<": b"II", ">": b"MM"}[order]
    header = struct.pack(f"{order}2sHI", mark, 42, 8 + len(data))
    count = struct.pack(f"{order}H", len(entries))
    return header + data + count + b"".join(entries) + bytes(4)


@pytest.mark.parametrize("suffix", [".png", ".pgm", ".tif", ".tiff", ".bmp"])
def test_8_bit_grey_comes_back_as_it_was_written(tmp_path, grey, suffix):
    path = tmp_path / f"image{suffix}"
    assert cv2.imwrite(str(path), grey)
    image = open_image(path).grey()
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, grey)


@pytest.mark.parametrize("suffix", [".png", ".pgm", ".tif"])
def test_16_bit_grey_is_scaled_by_65535(tmp_path, suffix):
    # 255 * 32896 / 65535 = 128.0; a division by 255 would overflow.
    values = np.array([[0, 1, 257, 4095], [32896, 65000, 65534, 65535]], np.uint16)
    path = tmp_path / f"image{suffix}"
    assert cv2.imwrite(str(path), values)
    np.testing.assert_array_equal(
        open_image(path).grey(), [[0, 0, 1, 16], [128, 253, 255, 255]]
    )


def test_a_jpeg_is_read_within_its_losses(tmp_path):
    smooth = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (64, 1))
    cv2.imwrite(str(tmp_path / "x.jpg"), smooth, [cv2.IMWRITE_JPEG_QUALITY, 98])
    difference = open_image(tmp_path / "x.jpg").grey().astype(int) - smooth
    assert np.abs(difference).max() <= 4


@pytest.mark.parametrize("damaged", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [1, 3, 4], ids=["BYTE", "SHORT", "LONG"])
@pytest.mark.parametrize(
    ("photometric", "expected"), [(0, [255, 254, 0]), (1, [0, 1, 255])]
)
def test_a_white_is_zero_tiff_of_16_bits_is_inverted(
    tmp_path, photometric, expected, kind, order, damaged
):
    values = np.array([[0, 257, 65535]], np.uint16)
    data = tiff_16_bit(values, photometric, kind, order, damaged)
    (tmp_path / "x.tif").write_bytes(data)
    np.testing.assert_array_equal(open_image(tmp_path / "x.tif").grey(), [expected])


def test_colour_becomes_luminance_and_alpha_is_dropped(tmp_path):
    # BT.601: 0.299 R + 0.587 G + 0.114 B; OpenCV's order is B, G, R, A.
    pixels = np.array([[[0, 0, 200, 0], [0, 200, 0, 9], [200, 0, 0, 255]]], np.uint8)
    cv2.imwrite(str(tmp_path / "alpha.png"), pixels)
    cv2.imwrite(str(tmp_path / "colour.png"), pixels[..., :3])
    for name in ("alpha.png", "colour.png"):
        np.testing.assert_array_equal(
            open_image(tmp_path / name).grey(), [[60, 117, 23]]
        )


def test_grey_stored_as_colour_stays_exact(tmp_path, grey):
    cv2.imwrite(str(tmp_path / "x.png"), np.stack([grey] * 3, axis=-1))
    np.testing.assert_array_equal(open_image(tmp_path / "x.png").grey(), grey)


def test_a_plain_image_with_a_dicom_suffix_is_read_by_its_content(tmp_path, grey):
    assert cv2.imwrite(str(tmp_path / "x.png"), grey)
    (tmp_path / "x.png").rename(tmp_path / "x.dcm")
    np.testing.assert_array_equal(open_image(tmp_path / "x.dcm").grey(), grey)


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
def test_an_empty_file_is_a_user_error(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    path.touch()
    with pytest.raises(UserError, match="Received: 0 bytes") as caught:
        open_image(path).grey()
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".pgm", ".tif", ".bmp"])
def test_a_truncated_file_is_a_user_error(tmp_path, grey, suffix, share, capfd):
    path = tmp_path / f"x{suffix}"
    cv2.imwrite(str(path), np.tile(grey, (4, 4)))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UserError, match=r"truncated|damaged|no complete"):
        open_image(path).grey()
    assert capfd.readouterr().err == ""


def test_a_jpeg_cut_off_after_its_thumbnail_is_a_user_error(tmp_path, grey):
    small = cv2.imencode(".jpg", grey)[1].tobytes()
    whole = cv2.imencode(".jpg", np.tile(grey, (4, 4)))[1].tobytes()
    exif = b"\xff\xe1" + struct.pack(">H", 2 + len(small)) + small
    path = tmp_path / "x.jpg"
    path.write_bytes(whole[:2] + exif + whole[2:])
    assert open_image(path).grey().shape == (68, 92)
    path.write_bytes((whole[:2] + exif + whole[2:])[:-200])
    with pytest.raises(UserError, match="truncated"):
        open_image(path).grey()


@pytest.mark.parametrize(
    ("name", "message"),
    [("x.png", "begin with b'<htm'; expected PNG"), ("x.dcm", "not a DICOM file")],
)
def test_another_content_is_a_user_error(tmp_path, name, message):
    path = tmp_path / name
    path.write_text("<html>404</html>")
    with pytest.raises(UserError, match=message):
        open_image(path).grey()


def test_float_pixels_are_a_user_error(tmp_path):
    path = tmp_path / "x.tif"
    cv2.imwrite(str(path), np.zeros((4, 4), np.float32))
    with pytest.raises(UserError, match="Received: float32; expected 8-bit or 16-bit"):
        open_image(path).grey()


def test_an_image_that_opencv_refuses_is_a_user_error(tmp_path):
    # A BMP header that promises 2^31 - 1 columns: OpenCV raises instead of answering.
    header = struct.pack("<2sIHHI", b"BM", 54, 0, 0, 54)
    header += struct.pack("<IiiHHIIiiII", 40, 2**31 - 1, 9, 1, 24, 0, 0, 0, 0, 0, 0)
    (tmp_path / "x.bmp").write_bytes(header)
    with pytest.raises(UserError, match="not a readable image"):
        open_image(tmp_path / "x.bmp").grey()


def test_a_path_that_cannot_be_opened_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        open_image(tmp_path / "absent.png").grey()
    with pytest.raises(UserError, match="Is a directory"):
        open_image(tmp_path).grey()


@pytest.mark.shared_data
def test_a_real_patch_is_read_byte_for_byte(shared_data):
    path = shared_data / "microcalc-patches" / "1" / "0006s1_1_1_1.pgm_1.pgm"
    image = open_image(path).grey()
    assert image.shape == (60, 60)
    assert image.tobytes() == path.read_bytes()[-3600:]


def test_a_file_larger_than_any_image_is_not_read(tmp_path):
    path = tmp_path / "huge.dcm"
    with path.open("wb") as file:
        file.truncate(2**30 + 1)  # Sparse: it takes no space.
    with pytest.raises(UserError, match=r"huge\.dcm: the file is too large"):
        open_image(path).grey()


def test_a_chunk_longer_than_its_png_is_refused_before_memory_is_taken():
    data = cv2.imencode(".png", np.zeros((8, 8), np.uint8))[1].tobytes()
    second = data.index(b"IDAT") - 4
    claimed = data[:second] + b"\x7f\xff\xff\xff" + data[second + 4 :]
    with (
        mock.patch("cv2.imdecode", side_effect=AssertionError("decoded")),
        pytest.raises(UserError, match="the image is truncated"),
    ):
        decode_image(claimed, "x.png")
