"""Header limits: refuses images with too many pixels before decoding them.

A PNG of a megabyte can decode to a billion pixels, and half a megabyte of JPEG can take
minutes. The limits apply to uploads, not to the user's own files.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator

from PIL import (
    BmpImagePlugin,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
)

from keras_wa.data.io.deflated import inflated_size
from keras_wa.errors import UserError, in_one_line

# Pillow's classes, not `Image.open`, whose limit is global to the process. They read
# only the header.
_READERS: dict[bytes, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    b"\x89PNG\r\n\x1a\n": PngImagePlugin.PngImageFile,
    b"\xff\xd8\xff": JpegImagePlugin.JpegImageFile,
    b"II*\0": TiffImagePlugin.TiffImageFile,
    b"MM\0*": TiffImagePlugin.TiffImageFile,
    b"BM": BmpImagePlugin.BmpImageFile,
}

# Encoders write about ten scans of a progressive JPEG. Decoding each passes over the
# whole image, however few its bytes.
_MOST_SCANS = 100
_SCAN = b"\xff\xda"

# Deflate compresses by at most about 1000: smaller data are harmless.
_SMALL_PNG = 2**16
_MOST_CHANNELS, _MOST_DEPTH = 4, 2
# Each row begins with a filter byte. The seven passes of an interlaced image have 15
# rows for 8 of the image, and each may have a part of one more.
_FILTERS, _PASSES = 2, 8

_TILE_WIDTH, _TILE_LENGTH = 322, 323


def refuse_large(data: bytes, name: str, most_pixels: int) -> None:
    """Refuses an image with too many pixels in its header, or of an unusual format.

    Images that need more work than their pixels are refused too: a JPEG with very many
    scans, a PNG with data after its last row, a TIFF with a huge tile.

    Raises:
        UserError: it has more pixels, another format, or more data than needed.
    """
    reader = next(
        (read for mark, read in _READERS.items() if data.startswith(mark)), None
    )
    if reader is None:
        raise UserError(
            f"{name}: not a readable image. Received: {len(data)} bytes that begin "
            f"with {data[:4]!r}; expected PNG, JPEG, PGM, TIFF, BMP or DICOM."
        )
    try:
        image = reader(io.BytesIO(data))
        width, height = image.size
        tile = _tile_of(image)
    except Exception as error:
        # Pillow can raise any exception for a damaged header.
        raise UserError(
            f"{name}: the image's header is damaged. Received: "
            f"{in_one_line(error, 200)}; expected a whole file. Copy the file again."
        ) from error
    refuse_size((height, width), name, most_pixels)
    # A tile is inflated as a whole, even if only a part lies in the image.
    refuse_size(tile, f"{name}: a tile of it", most_pixels)
    if reader is JpegImagePlugin.JpegImageFile:
        _refuse_scans(data, name)
    elif reader is PngImagePlugin.PngImageFile and len(data) > _SMALL_PNG:
        row = width * _MOST_CHANNELS * _MOST_DEPTH + _FILTERS
        _refuse_surplus(data, name, height * row + _PASSES)


def _tile_of(image: ImageFile.ImageFile) -> tuple[int, int]:
    """Returns height and width of a TIFF's tiles, pixels; 0 without tiles."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return 0, 0
    height, width = (image.tag_v2.get(tag, 0) for tag in (_TILE_LENGTH, _TILE_WIDTH))
    return int(height), int(width)


def _refuse_scans(data: bytes, name: str) -> None:
    """Refuses a JPEG with too many scans."""
    # 0xFF is escaped within a scan.
    scans = data.count(_SCAN)
    if scans > _MOST_SCANS:
        raise UserError(
            f"{name}: too many scans. Received: {scans} in the JPEG file; expected at "
            f"most {_MOST_SCANS}. Save the image again."
        )


def _refuse_surplus(data: bytes, name: str, most: int) -> None:
    """Refuses a PNG whose data inflate to more bytes than its pixels need.

    libpng would inflate all of it, a gigabyte in two seconds, and discard the rest.
    """
    inflater, size = zlib.decompressobj(), 0
    for kind, start, end in chunks(data):
        try:
            rest = data[start : end - 4] if kind == b"IDAT" else b""
            size += inflated_size(inflater, rest, most - size)
        except zlib.error:
            return  # Damaged: decoding reports it.
        if size > most:
            raise UserError(
                f"{name}: too much image data. Received: more than {most} bytes once "
                "inflated; expected no more than its pixels need. Save the image again."
            )


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yields the kind of each chunk of a PNG, where its data begin and it ends."""
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, at + 8, at + 12 + length
        at += 12 + length


def refuse_size(shape: tuple[int, int], name: str, most_pixels: int) -> None:
    """Refuses an image of too many pixels by its height and width."""
    height, width = shape
    if height * width > most_pixels:
        raise UserError(
            f"{name}: too many pixels. Received: {height} by {width}; expected at most "
            f"{most_pixels} in all. Crop the part of interest."
        )
