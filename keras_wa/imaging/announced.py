"""How many pixels an image announces, before memory is taken for them.

A PNG of a megabyte may stand for a billion pixels. Files of one's own may be that
large; a stranger's are refused by their header.
"""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import (
    BmpImagePlugin,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
)

from keras_wa.errors import UserError

# Pillow's classes and not `Image.open`, whose own limit is the same for the whole
# process. They read the header alone.
_READERS: dict[bytes, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    b"\x89PNG\r\n\x1a\n": PngImagePlugin.PngImageFile,
    b"\xff\xd8\xff": JpegImagePlugin.JpegImageFile,
    b"II*\0": TiffImagePlugin.TiffImageFile,
    b"MM\0*": TiffImagePlugin.TiffImageFile,
    b"BM": BmpImagePlugin.BmpImageFile,
}


def refuse_large(data: bytes, name: str, most_pixels: int) -> None:
    """Refuses an image that announces too many pixels, or is of an unusual format.

    Args:
        data: the bytes of a PNG, JPEG, TIFF or BMP file.
        name: the file, for messages.
        most_pixels: the greatest number of pixels, height times width.

    Raises:
        UserError: if it has more, or no header of these formats.
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
        width, height = reader(io.BytesIO(data)).size
    except Exception as error:
        # On a damaged header Pillow raises whatever the damage leads to.
        detail = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{name}: the image's header is damaged. Received: {detail[:200]}; "
            "expected a whole file. Copy the file again."
        ) from error
    refuse_size((height, width), name, most_pixels)


def refuse_size(shape: tuple[int, int], name: str, most_pixels: int) -> None:
    """Refuses an image of too many pixels.

    Args:
        shape: height and width, pixels.
        name: the file, for messages.
        most_pixels: the greatest number, height times width.

    Raises:
        UserError: if it has more.
    """
    height, width = shape
    if height * width > most_pixels:
        raise UserError(
            f"{name}: too many pixels. Received: {height} by {width}; expected at most "
            f"{most_pixels} in all. Cut the part that is of interest out of it."
        )
