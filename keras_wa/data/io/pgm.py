"""PGM (portable grey map), with its own maximum value.

OpenCV scales the plain form (P2) by the maximum in the header, but not the binary form
(P5), so that the same image could be darker in one of them.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from keras_wa.errors import UserError

# White space and comments may stand between the fields; exactly one white-space
# character ends the header (netpbm.sourceforge.net/doc/pgm.html).
_GAP = rb"(?:\s|#[^\n]*\n)+"
_HEADER = re.compile(
    rb"(P[25])" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})\s"
)

_MOST_HEADER = 2**16  # Matching megabytes of comments takes 100 times the memory.
_DIGITS = re.compile(rb"\d*")
_PIECE = 2**20


def decode_pgm(data: bytes, name: str) -> tuple[NDArray, int]:
    """Decodes the first image of a PGM file, `P2` or `P5`.

    Returns:
        The values, (H, W) uint8 or uint16, clipped to the maximum in the header, and
        that maximum.

    Raises:
        UserError: the header is not that of a PGM, or there are too few pixels.
    """
    header = _HEADER.match(data[:_MOST_HEADER])
    if header is None:
        raise UserError(
            f"{name}: no complete PGM header. Received: {data[:12]!r}…; expected "
            "P2 or P5, width, height and maximum value. Copy the file again."
        )
    width, height, maximum = (int(field) for field in header.groups()[1:])
    if not (0 < maximum < 65536 and width > 0 and height > 0):
        raise UserError(
            f"{name}: PGM header. Received: {width} by {height} pixels, maximum "
            f"value {maximum}; expected at least 1 by 1 and a maximum in 1..65535."
        )
    body = data[header.end() :]
    if header.group(1) == b"P2":
        values = _numbers(body, width * height)
    else:
        word = np.dtype(np.uint8 if maximum < 256 else ">u2")
        usable = min(len(body) // word.itemsize, width * height)
        values = np.frombuffer(body, word, count=usable)
    if values.size < width * height:
        raise UserError(
            f"{name}: the image is truncated. Received: {values.size} pixels; expected "
            f"{width * height} ({width} by {height}). Copy the file again."
        )
    dtype = np.uint8 if maximum < 256 else np.uint16
    values = np.minimum(values, maximum).astype(dtype)
    return values.reshape(height, width), maximum


def _numbers(text: bytes, most: int) -> NDArray[np.float64]:
    """Returns the first numbers of a text, in pieces: splitting takes 20 times more."""
    pieces: list[NDArray[np.float64]] = [np.empty(0)]
    at = 0
    while at < len(text) and most > 0:
        # Between two numbers.
        end = _DIGITS.match(text, min(at + _PIECE, len(text))).end()  # type: ignore[union-attr]
        words = re.findall(rb"\d+", text[at:end])[:most]
        pieces.append(np.array(words, np.float64))
        most -= len(words)
        at = end
    return np.concatenate(pieces)
