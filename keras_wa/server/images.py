"""Decoding the images of requests; no input is trusted."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_wa.data.io import GreyImage, decode_image
from keras_wa.errors import UserError
from keras_wa.server.questions import as_fields

UPLOAD = "upload"
"""Name of an uploaded image in messages and records; the client's name is not used."""


def image_of(
    data: bytes, most_pixels: int, for_processing: bool, bits_stored: int | None
) -> GreyImage:
    """Decodes an upload; its notes and errors name fields of a request."""
    try:
        image = decode_image(data, UPLOAD, for_processing, most_pixels, bits_stored)
    except UserError as error:
        raise UserError(as_fields(str(error))) from error
    return dataclasses.replace(image, notes=tuple(map(as_fields, image.notes)))


def grey_of(rows: Any, name: str) -> GreyImage:
    """Converts rows of whole numbers from 0 to 255, or of `[level]`, to an image."""
    try:
        if not isinstance(rows, list) or not rows:
            raise TypeError("no rows")
        lines = [_line(row) for row in rows]
        if len(set(map(len, lines))) > 1:
            raise ValueError("rows of different lengths")
    except (TypeError, ValueError, OverflowError) as error:
        raise UserError(
            f"{name}. Received: {error}; expected rows of equal length of whole "
            "numbers from 0 to 255."
        ) from error
    pixels = np.frombuffer(b"".join(lines), np.uint8)
    return GreyImage(pixels.reshape(len(lines), -1))


def _line(row: Any) -> bytes:
    # `bytes` checks each number; called with a single number it would return as many
    # zeros.
    if not isinstance(row, list):
        raise TypeError(f"a row that is of type {type(row).__name__}")
    if not row:
        raise ValueError("an empty row")
    if isinstance(row[0], list):
        row = [level for (level,) in row]
    try:
        return bytes(row)
    except TypeError:
        # In JSON 7.0 is a whole number.
        return bytes(
            int(x) if isinstance(x, float) and x.is_integer() else x for x in row
        )


def _instance(
    value: Any, name: str, most_pixels: int, bits_stored: int | None
) -> GreyImage:
    if not isinstance(value, dict):
        return grey_of(value, name)
    text = value.get("b64")
    if set(value) != {"b64"} or not isinstance(text, str):
        raise UserError(
            f"{name}. Received: an object with other fields; expected rows of grey "
            'levels, or {"b64": an encoded image}.'
        )
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise UserError(f"{name}.b64. Received: {error}; expected base64.") from error
    try:
        return image_of(data, most_pixels, False, bits_stored)
    except UserError as error:
        other = " Instances have no such field: use /predict."
        hint = other if "bits_stored" in str(error) else ""
        raise UserError(f"{name}: {error}{hint}") from error


def instances_of(
    values: list[Any], most_pixels: int, bits_stored: int | None
) -> Iterator[tuple[str, GreyImage]]:
    """Converts the instances of TensorFlow Serving's format to images, one by one.

    Args:
        values: rows of grey levels, or `{"b64": ...}` with an encoded image.
        most_pixels: maximum number of pixels of all encoded images together, which is
            that of one image in other requests.
        bits_stored: bits of the encoded images, see `open_image`.

    Yields:
        The name of each in messages, and the image.

    Raises:
        UserError: an instance cannot be read, or there are too many pixels; or no row
            has a grey level above 1, which the SavedModel refuses too.
    """
    taken = brightest = 0
    for number, value in enumerate(values):
        name = f"instances.{number}"
        try:
            image = _instance(value, name, most_pixels - taken, bits_stored)
        except UserError as error:
            if not taken:
                raise
            raise UserError(
                f"{error} Encoded instances may have {most_pixels} pixels together; "
                f"those before it have {taken}."
            ) from error
        if isinstance(value, dict):
            taken += image.stored.size
        brightest = max(brightest, int(image.stored.max()))
        yield name, image
    if brightest <= 1 and not taken:
        raise UserError(
            f"instances. Received: no grey level above {brightest}; expected grey "
            "levels from 0 to 255. Multiply an image of [0, 1] by 255."
        )
