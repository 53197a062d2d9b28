"""The responses of the service, for its OpenAPI document."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from keras_wa.server.questions import (
    ImageQuestion,
    Instances,
    Question,
    RoiQuestion,
    SearchQuestion,
    ViewQuestion,
)


class Failure(BaseModel):
    """The reason why a request failed."""

    error: str


class Record(BaseModel):
    """The prediction for one ROI."""

    file: str
    box: list[int] | None
    mask: str | None
    detector_score: float | None
    window: list[int] | None
    pixel_spacing_mm: float | None
    spacing_from: str | None
    probability: float
    low: float
    high: float
    members_low: float | None
    members_high: float | None
    malignant: bool | None
    threshold: float | None
    prediction_set: str | None
    probabilities: list[float]
    warnings: list[str]
    error: str | None
    keras_wa: str
    model: str
    labels: list[str]
    trained_on: str
    calibrated: bool
    notes: list[str]


class Explanation(BaseModel):
    """A prediction with pictures, as PNG in `data:` URLs."""

    record: Record
    pictures: dict[str, str]
    why_no_heat: str | None


class View(BaseModel):
    """An image, or a region of it, for display.

    `pixels` and `levels` are base64. `pixels` holds the stored values minus `least`,
    little-endian uint16 `(height, width)`. `levels` holds the grey level, uint8, that
    the model sees for each stored value from `least` to `greatest`.
    """

    image_width: int
    image_height: int
    region: list[int]
    width: int
    height: int
    least: int
    greatest: int
    pixels: str
    levels: str
    spacing_mm: list[float] | None
    spacing_from: str | None
    notes: list[str]


class Candidate(BaseModel):
    """A cluster of spots: left, top, width, height, pixels."""

    box: list[int]
    n_spots: int
    score: float


class Candidates(BaseModel):
    """The candidate clusters of a mammogram, the highest score first."""

    candidates: list[Candidate]


class About(BaseModel):
    """The model, and the maximum size of a request."""

    keras_wa: str
    model: str
    max_bytes: int
    trained_on: str
    labels: list[str]
    image_size: int
    crop: str
    field_mm: float
    bits_stored: int | None
    calibrated: bool
    threshold: float | None
    threshold_rule: str | None
    prediction_set_coverage: float | None
    notes: list[str]


class Predictions(BaseModel):
    """The probability of each class for each ROI, not calibrated."""

    predictions: list[list[float]]


class Health(BaseModel):
    """The health of the service."""

    status: str


class VersionStatus(BaseModel):
    """The status of the single version of the model."""

    version: str
    state: str
    status: dict[str, str]


class ModelStatus(BaseModel):
    """The model status in TensorFlow Serving's format."""

    model_version_status: list[VersionStatus]


# Responses of the middleware, which every path may return.
COMMON: dict[int | str, dict[str, Any]] = {
    status: {"model": Failure, "description": why}
    for status, why in {
        401: "No token, or a wrong one.",
        413: "Too large.",
        421: "Another machine's name in Host.",
    }.items()
}
WORK: dict[int | str, dict[str, Any]] = COMMON | {
    status: {"model": Failure, "description": why}
    for status, why in {
        400: "Not a readable multipart form or JSON.",
        408: "The request took too long to arrive.",
        415: "Unsupported content type.",
        422: "An image or a field that cannot be used.",
        503: "Busy: try again.",
        504: "No answer in time.",
    }.items()
}


def _form(question: type[ImageQuestion]) -> dict[str, Any]:
    schema = question.model_json_schema()
    fields = schema["properties"]
    # Form fields are text.
    for name in {"box", "region"} & set(fields):
        fields[name] = {
            "type": "string",
            "pattern": "^-?[0-9]{1,7},-?[0-9]{1,7},[1-9][0-9]{0,6},[1-9][0-9]{0,6}$",
            "description": fields[name]["description"].replace(", ", ","),
        }
    fields["file"] = {
        "type": "string",
        "format": "binary",
        "description": "PNG, JPEG, PGM, TIFF, BMP or DICOM",
    }
    return {**schema, "required": ["file"]}


def _body(schemas: dict[str, dict[str, Any]]) -> dict[str, Any]:
    content = {kind: {"schema": schema} for kind, schema in schemas.items()}
    return {"requestBody": {"required": True, "content": content}}


_FORM, _JSON = "multipart/form-data", "application/json"
IMAGE_BODY = _body({_FORM: _form(Question), _JSON: RoiQuestion.model_json_schema()})
VIEW_BODY = _body({_FORM: _form(ViewQuestion)})
SEARCH_BODY = _body({_FORM: _form(SearchQuestion)})
INSTANCES_BODY = _body({_JSON: Instances.model_json_schema()})
