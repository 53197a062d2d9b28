"""Reads one image file of any supported format."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import xxhash

from keras_wa.data.io.dicom import LARGEST, decode_dicom
from keras_wa.data.io.file_kinds import holds_dicom
from keras_wa.data.io.grey_range import narrow_dicom_note, sixteen_bit_image
from keras_wa.data.io.header_limits import chunks, refuse_large, refuse_size
from keras_wa.data.io.image import GreyImage
from keras_wa.data.io.pgm import decode_pgm
from keras_wa.data.io.scaling import scale_to_uint8
from keras_wa.errors import UserError

# OpenCV 5 moved the function.
_set_log_level = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel
_SILENT = 0

_LARGEST_FILE = 2**30
_SIXTEEN_BITS = 65535
_EXPECTED = "PNG, JPEG, PGM, TIFF, BMP or DICOM"

_PHOTOMETRIC = 262  # Tag of TIFF.
_WIDTHS = {1: 1, 3: 2, 4: 4}  # Bytes of a BYTE, a SHORT and a LONG.

_lock = threading.Lock()
_decoding = _level_before = 0


def open_image(
    path: str | os.PathLike[str],
    for_processing: bool = False,
    bits_stored: int | None = None,
) -> GreyImage:
    """Opens an image file and decodes it.

    The format is detected by content, not by suffix. The full range of the pixel format
    becomes grey levels 0..255: up to 65535 in a 16-bit PNG or TIFF, the maximum of a
    PGM, the bits stored of a DICOM (after modality LUT, VOI LUT or window, and
    MONOCHROME1 inversion). Colour is converted to luminance (ITU-R BT.601, by OpenCV);
    an alpha channel is dropped.

    Args:
        path: a PNG, JPEG, PGM, TIFF, BMP or single-frame grey DICOM file, read once.
        for_processing: whether to accept a DICOM image FOR PROCESSING, whose grey
            levels are those of the detector.
        bits_stored: bits of the values in a 16-bit PNG, TIFF or PGM, 1 to 16:
            2**bits_stored - 1 becomes grey level 255. No effect on other files. A PGM
            has 16 bits if its maximum is 65535.

    Returns:
        The image, with the digest of its file, and a note if it uses less than a
        quarter of its range.

    Raises:
        UserError: the file cannot be opened, is empty, truncated, of another format or
            depth than 8 or 16 bit, has values above `bits_stored`, or is not a single
            grey mammogram in DICOM.
    """
    name = os.fspath(path)
    try:
        size = os.stat(path).st_size
        if size > _LARGEST_FILE:
            raise UserError(
                f"{name}: the file is too large. Received: {size} bytes; expected an "
                f"image of at most {_LARGEST_FILE}. Leave it out."
            )
        data = Path(path).read_bytes()
    except OSError as error:
        raise UserError(
            f"{name}: cannot be read ({error.strerror or error}). Expected: a readable "
            f"{_EXPECTED} file."
        ) from error
    return decode_image(data, name, for_processing, bits_stored=bits_stored)


def decode_image(
    data: bytes,
    name: str,
    for_processing: bool = False,
    most_pixels: int | None = None,
    bits_stored: int | None = None,
) -> GreyImage:
    """Decodes an image file in memory, see `open_image`.

    Args:
        data: the bytes of the file.
        name: the file, for messages. Its suffix decides if the format is unknown.
        for_processing: see `open_image`.
        most_pixels: largest number of pixels of an upload, checked before decoding;
            other formats that OpenCV reads are then refused too.
        bits_stored: see `open_image`.

    Returns:
        The image, with the digest of its file.

    Raises:
        UserError: see `open_image`, or the image has more than `most_pixels`.
    """
    if not data:
        raise UserError(
            f"{name}: the file is empty. Received: 0 bytes; expected a {_EXPECTED} "
            "file. Copy the file again."
        )
    if holds_dicom(data, name):
        most = LARGEST if most_pixels is None else min(most_pixels, LARGEST)
        image = decode_dicom(data, name, for_processing, most)
        notes = (*image.notes, *narrow_dicom_note(image))
        image = dataclasses.replace(image, notes=notes)
    elif data[:2] in (b"P2", b"P5"):
        values, maximum = decode_pgm(data, name)
        if maximum == _SIXTEEN_BITS:
            image = sixteen_bit_image(values, name, bits_stored)
        else:
            image = GreyImage(scale_to_uint8(values, 0, maximum))
        if most_pixels is not None:
            # Each pixel needs at least a byte of the file, so that decoding is safe.
            refuse_size(image.shape, name, most_pixels)
    else:
        if most_pixels is not None:
            refuse_large(data, name, most_pixels)
        image = _decode_with_opencv(data, name, bits_stored)
    return dataclasses.replace(image, digest=xxhash.xxh3_128_hexdigest(data))


def _decode_with_opencv(data: bytes, name: str, bits_stored: int | None) -> GreyImage:
    if _is_cut_short(data):
        raise UserError(
            f"{name}: the image is truncated. Received: {len(data)} bytes without the "
            "format's end mark; expected a whole file. Copy the file again."
        )
    try:
        with _silent_opencv():
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        image = None
    if image is None:
        raise UserError(
            f"{name}: not a readable image, or damaged. Received: {len(data)} bytes "
            f"that begin with {data[:4]!r}; expected {_EXPECTED}."
        )
    if image.dtype not in (np.uint8, np.uint16):
        raise UserError(
            f"{name}: pixel type. Received: {image.dtype}; expected 8-bit or 16-bit "
            "unsigned. Save the image as 16-bit PNG."
        )
    if image.ndim == 3:
        code = cv2.COLOR_BGR2GRAY if image.shape[2] == 3 else cv2.COLOR_BGRA2GRAY
        image = cv2.cvtColor(image, code)
    if image.dtype == np.uint8:
        return GreyImage(np.asarray(image, dtype=np.uint8))
    values = np.asarray(image, dtype=np.uint16)
    # OpenCV inverts a white-is-zero TIFF of 8 bits but not one of 16.
    return sixteen_bit_image(values, name, bits_stored, _is_white_zero_tiff(data))


@contextlib.contextmanager
def _silent_opencv() -> Iterator[None]:
    """Keeps OpenCV from writing to stderr of a damaged file, which is an error of ours.

    Its log level is the process's: of several threads the first lowers it and the last
    restores it.
    """
    global _decoding, _level_before
    with _lock:
        if not _decoding:
            _level_before = _set_log_level(_SILENT)
        _decoding += 1
    try:
        yield
    finally:
        with _lock:
            _decoding -= 1
            if not _decoding:
                _set_log_level(_level_before)


def _is_white_zero_tiff(data: bytes) -> bool:
    """Returns whether a TIFF's PhotometricInterpretation is 0, WhiteIsZero."""
    # Pillow stops at a damaged tag, which OpenCV passes over.
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        return False
    (directory,) = struct.unpack_from(f"{order}I", data, 4)
    (entries,) = struct.unpack_from(f"{order}H", data, directory)
    for at in range(directory + 2, directory + 2 + 12 * entries, 12):
        tag, kind = struct.unpack_from(f"{order}HH", data, at)
        if tag == _PHOTOMETRIC:
            return not any(data[at + 8 : at + 8 + _WIDTHS.get(kind, 2)])
    return False


def _is_cut_short(data: bytes) -> bool:
    """Returns whether a PNG or JPEG lacks its end marker.

    OpenCV silently fills the missing part of a truncated JPEG with grey. A thumbnail in
    the JPEG has its own end marker, before the last start of scan.
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return not _has_whole_chunks(data)
    if data.startswith(b"\xff\xd8"):
        return b"\xff\xd9" not in data[max(data.rfind(b"\xff\xda"), 0) :]
    return False


def _has_whole_chunks(data: bytes) -> bool:
    """Returns whether all chunks of a PNG lie in its file, up to IEND.

    OpenCV allocates the length of a chunk, up to 2 GB, before it reads it.
    """
    return any(kind == b"IEND" and end <= len(data) for kind, _, end in chunks(data))
