"""Validating requests and decoding their images; no input is trusted."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
)

from keras_wa.data import ReadOptions
from keras_wa.data.io import Box, GreyImage, decode_image
from keras_wa.data.io.spacing import CREDIBLE_MM
from keras_wa.errors import UserError, replace_parameters
from keras_wa.server.viewing import MOST_SIDE

UPLOAD = "upload"
"""Name of an uploaded image in messages and records; the client's name is not used."""

_FAR = 2**24  # No image is larger, and float32 is exact up to here.
_Side = Annotated[int, Field(ge=-_FAR, le=_FAR)]
_Length = Annotated[int, Field(ge=1, le=_FAR)]
_ROWS = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "array",
        "minItems": 1,
        "items": {"type": "integer", "minimum": 0, "maximum": 255},
    },
    "description": "grey levels, rows of equal length",
}


def _sides(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) else value


_Sides = Annotated[
    tuple[_Side, _Side, _Length, _Length] | None, BeforeValidator(_sides)
]


class ImageQuestion(BaseModel):
    """The fields of a request with an image."""

    model_config = ConfigDict(extra="forbid")

    pixel_spacing: float | None = Field(
        default=None,
        ge=CREDIBLE_MM[0],
        le=CREDIBLE_MM[1],
        description="pixel spacing in mm, used if the file has none",
    )
    for_processing: bool = Field(
        default=False, description="accept a DICOM image meant for processing"
    )
    bits_stored: int | None = Field(
        default=None,
        ge=1,
        le=16,
        description="bits of the values in a 16-bit PNG, TIFF or PGM; by default those "
        "of the training images",
    )


class Question(ImageQuestion):
    """The fields of a request to classify an image."""

    box: _Sides = Field(
        default=None, description="the lesion: left, top, width, height, pixels"
    )
    crop: str | None = Field(
        default=None,
        description="fixed or roi; by default as the training ROIs were cropped",
    )
    tta: int = Field(
        default=1,
        ge=1,
        le=8,
        description="rotated and flipped copies (test-time augmentation) for low and "
        "high",
    )

    def options(self, crop: str, field_mm: float) -> ReadOptions:
        """Returns how to crop the ROI; by default as the training ROIs were cropped.

        Raises:
            UserError: a value is out of its range.
        """
        return ReadOptions(
            # An official crop is a separate file, so a box is cropped with the default
            # method.
            crop=self.crop or crop.replace("official", "fixed"),
            field_mm=field_mm,
            pixel_spacing=self.pixel_spacing,
            for_processing=self.for_processing,
        )

    def lesion(self) -> Box | None:
        """Returns the box, or `None`."""
        return None if self.box is None else Box(*self.box)


class ViewQuestion(ImageQuestion):
    """The fields of a request to display an image."""

    region: _Sides = Field(
        default=None, description="region to show: left, top, width, height, pixels"
    )
    side: int = Field(
        default=1536,
        ge=1,
        le=MOST_SIDE,
        description="maximum number of pixels of the longer side",
    )

    def part(self) -> Box | None:
        """Returns the region, or `None`."""
        return None if self.region is None else Box(*self.region)


class SearchQuestion(ImageQuestion):
    """The fields of a request to search a mammogram for clusters."""

    film: bool = Field(
        default=True, description="leave out specks, such as dust on a scanned film"
    )


class RoiQuestion(Question):
    """The fields of a request to classify an image given as pixels."""

    roi: Annotated[Any, WithJsonSchema(_ROWS)]


class Instances(BaseModel):
    """A request in the row format of TensorFlow Serving."""

    model_config = ConfigDict(extra="ignore")

    instances: list[Any] = Field(
        min_length=1,
        description="ROIs, each H rows of W grey levels 0..255 (or of [level]), or "
        '{"b64": an encoded image}',
    )


def parse(kind: type[BaseModel], values: Mapping[str, Any] | bytes) -> Any:
    """Parses values or JSON into a model of this module.

    Raises:
        UserError: a value is invalid; the message names the first one.
    """
    try:
        if isinstance(values, bytes):
            return kind.model_validate_json(values)
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "body"
        received = repr(first["input"])[:80]
        expected = f"another one ({first['msg']})"
        if first["type"] == "extra_forbidden":
            expected = f"one of the fields {', '.join(kind.model_fields)}"
        raise UserError(
            f"{field}. Received: {received}; expected {expected}."
        ) from error


def image_of(
    data: bytes,
    most_pixels: int,
    for_processing: bool = False,
    bits_stored: int | None = None,
) -> GreyImage:
    """Decodes an upload; the image's notes name fields of a request.

    Raises:
        UserError: it is not a readable image, or has too many pixels.
    """
    try:
        image = decode_image(data, UPLOAD, for_processing, most_pixels, bits_stored)
    except UserError as error:
        raise UserError(as_fields(str(error))) from error
    notes = tuple(map(as_fields, image.notes))
    return dataclasses.replace(image, notes=notes) if notes else image


def grey_of(rows: Any, name: str) -> GreyImage:
    """Converts rows of grey levels, or of `[level]`, to an image.

    Raises:
        UserError: the rows differ in length, or hold anything but whole numbers from 0
            to 255.
    """
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
        whole = (isinstance(x, float) and x.is_integer() for x in row)
        return bytes(
            int(x) if is_whole else x for x, is_whole in zip(row, whole, strict=True)
        )


def instance_of(
    value: Any, number: int, most_pixels: int, bits_stored: int | None = None
) -> GreyImage:
    """Converts one instance of TensorFlow Serving's format to an image.

    Args:
        value: rows of grey levels, or `{"b64": ...}` with an encoded image.
        number: number of the instance, for messages.
        most_pixels: maximum number of pixels of an encoded image.
        bits_stored: as in `open_image`, for an encoded image.

    Raises:
        UserError: it has another form, or cannot be read.
    """
    name = f"instances.{number}"
    if not isinstance(value, dict):
        return grey_of(value, name)
    text = value.get("b64")
    if set(value) != {"b64"} or not isinstance(text, str):
        raise UserError(
            f"{name}. Received: an object of other fields; expected rows of grey "
            'levels, or {"b64": an encoded image}.'
        )
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise UserError(f"{name}.b64. Received: {error}; expected base64.") from error
    try:
        return image_of(data, most_pixels, bits_stored=bits_stored)
    except UserError as error:
        other = " Instances have no such field: use /predict."
        hint = other if "bits_stored" in str(error) else ""
        raise UserError(f"{name}: {error}{hint}") from error


def instances_of(
    values: list[Any], most_pixels: int, bits_stored: int | None = None
) -> Iterator[GreyImage]:
    """Converts the instances of TensorFlow Serving's format to images, one by one.

    Args:
        values: instances, see `instance_of`.
        most_pixels: maximum total number of pixels of the encoded images, which is that
            of one image in other requests.
        bits_stored: as in `open_image`, for the encoded images.

    Raises:
        UserError: an instance cannot be read, or exceeds the total number of pixels; or
            all instances are rows without a grey level above 1, which the SavedModel
            rejects too.
    """
    taken = brightest = 0
    for number, value in enumerate(values):
        try:
            image = instance_of(value, number, most_pixels - taken, bits_stored)
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
        yield image
    if brightest <= 1 and not taken:
        raise UserError(
            f"instances. Received: no grey level above {brightest}; expected grey "
            "levels from 0 to 255. Multiply an image of [0, 1] by 255."
        )


def as_fields(message: str) -> str:
    """Replaces the parameters in a message by fields of a request: `crop fixed`."""

    def field(name: str, value: str | None) -> str | None:
        if name not in _FIELDS:
            return None
        return name if value in (None, "True") else f"{name} {value.strip(_QUOTES)}"

    return replace_parameters(message, field)


_FIELDS = {*Question.model_fields, *ViewQuestion.model_fields}
_QUOTES = "'\""
