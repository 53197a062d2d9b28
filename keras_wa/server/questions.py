"""The fields of requests, validated; no input is trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
)

from keras_wa.data.io import Box
from keras_wa.data.io.spacing import CREDIBLE_MM
from keras_wa.errors import UserError, replace_parameters
from keras_wa.server.viewing import MOST_SIDE

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


def box_of(sides: tuple[int, int, int, int] | None) -> Box | None:
    """Returns the box with these sides, if they were given."""
    return None if sides is None else Box(*sides)


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
    """Parses values or JSON into a model of this module; errors name a fault."""
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


def as_fields(message: str) -> str:
    """Replaces the parameters in a message by fields of a request: `crop fixed`."""

    def field(name: str, value: str | None) -> str | None:
        if name not in _FIELDS:
            return None
        return name if value in (None, "True") else f"{name} {value.strip(_QUOTES)}"

    return replace_parameters(message, field)


_FIELDS = {*Question.model_fields, *ViewQuestion.model_fields}
_QUOTES = "'\""
