"""From what a client sent to pixels and the way to cut them; nothing is believed."""

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
"""What an image is called in messages and records, whatever the client calls it."""

_FAR = 2**24  # Beyond it no image has pixels, and floating point loses them.
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
    """What may stand beside any image."""

    model_config = ConfigDict(extra="forbid")

    pixel_spacing: float | None = Field(
        default=None,
        ge=CREDIBLE_MM[0],
        le=CREDIBLE_MM[1],
        description="taken where the file states none, mm",
    )
    for_processing: bool = Field(
        default=False, description="accept a DICOM image meant for processing"
    )
    bits_stored: int | None = Field(
        default=None,
        ge=1,
        le=16,
        description="bits of the values in a 16-bit PNG, TIFF or PGM; by default as of "
        "the training images",
    )


class Question(ImageQuestion):
    """What may stand beside an image that is to be classified."""

    box: _Sides = Field(
        default=None, description="of the lesion: left, top, width, height, pixels"
    )
    crop: str | None = Field(
        default=None,
        description="fixed or roi; by default as the training ROIs were cut",
    )
    symmetries: int = Field(
        default=1,
        ge=1,
        le=8,
        description="turned and mirrored copies that give low and high",
    )

    def options(self, crop: str, field_mm: float) -> ReadOptions:
        """How the ROI is cut, where the client does not say as the model's were.

        Raises:
            UserError: a value is out of its range.
        """
        return ReadOptions(
            # An official crop is a file of its own: about a box it is cut as by
            # default.
            crop=self.crop or crop.replace("official", "fixed"),
            field_mm=field_mm,
            pixel_spacing=self.pixel_spacing,
            for_processing=self.for_processing,
        )

    def lesion(self) -> Box | None:
        """The box, if one was given."""
        return None if self.box is None else Box(*self.box)


class ViewQuestion(ImageQuestion):
    """What may stand beside an image that is to be looked at."""

    region: _Sides = Field(
        default=None, description="part to be shown: left, top, width, height, pixels"
    )
    side: int = Field(
        default=1536,
        ge=1,
        le=MOST_SIDE,
        description="pixels of the longer side of what is given, at most",
    )

    def part(self) -> Box | None:
        """The region, if one was given."""
        return None if self.region is None else Box(*self.region)


class SearchQuestion(ImageQuestion):
    """What may stand beside a mammogram in which clusters are looked for."""

    film: bool = Field(
        default=True, description="leave out specks, as dust on a scanned film makes"
    )


class RoiQuestion(Question):
    """The same, with the pixels."""

    roi: Annotated[Any, WithJsonSchema(_ROWS)]


class Instances(BaseModel):
    """A request as TensorFlow Serving has it, in row format."""

    model_config = ConfigDict(extra="ignore")

    instances: list[Any] = Field(
        min_length=1,
        description="ROIs, each H rows of W grey levels 0..255 (or of [level]), or "
        '{"b64": an encoded image}',
    )


def parse(kind: type[BaseModel], values: Mapping[str, Any] | bytes) -> Any:
    """Values, or JSON, as a model of this module.

    Raises:
        UserError: the first thing that is wrong with them.
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
    """Decodes an upload; its notes name fields of a request.

    Raises:
        UserError: it is no image that can be read, or has too many pixels.
    """
    try:
        image = decode_image(data, UPLOAD, for_processing, most_pixels, bits_stored)
    except UserError as error:
        raise UserError(as_fields(str(error))) from error
    notes = tuple(map(as_fields, image.notes))
    return dataclasses.replace(image, notes=notes) if notes else image


def grey_of(rows: Any, name: str) -> GreyImage:
    """Rows of grey levels, or of `[level]`, as an image.

    Raises:
        UserError: they are no rows of equal length of whole numbers from 0 to 255.
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
    # Python's own `bytes` checks each number; of a number alone it would make as many
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
        # 7.0 is a whole number to JSON.
        whole = (isinstance(x, float) and x.is_integer() for x in row)
        return bytes(
            int(x) if is_whole else x for x, is_whole in zip(row, whole, strict=True)
        )


def instance_of(
    value: Any, number: int, most_pixels: int, bits_stored: int | None = None
) -> GreyImage:
    """One of TensorFlow Serving's instances.

    Args:
        value: rows of grey levels, or `{"b64": ...}` of an encoded image.
        number: which it is, for messages.
        most_pixels: of an encoded image.
        bits_stored: of an encoded image, as of `open_image`.

    Raises:
        UserError: it is neither, or cannot be read.
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
    """TensorFlow Serving's instances, one after the other.

    Args:
        values: as of `instance_of`.
        most_pixels: of all that are encoded, together: one request decodes no more than
            one image may have.
        bits_stored: of all that are encoded.

    Raises:
        UserError: one cannot be read, or is more than what those before it leave; or
            all are rows, and none has a grey level above 1, which the SavedModel
            refuses too.
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
    """Names the parameters of a message as fields of a request: `crop fixed`."""

    def field(name: str, value: str | None) -> str | None:
        if name not in _FIELDS:
            return None
        return name if value in (None, "True") else f"{name} {value.strip(_QUOTES)}"

    return replace_parameters(message, field)


_FIELDS = {*Question.model_fields, *ViewQuestion.model_fields}
_QUOTES = "'\""
