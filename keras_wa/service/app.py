"""The paths of a service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.responses import JSONResponse

from keras_wa import __version__
from keras_wa.errors import UserError
from keras_wa.service import answers
from keras_wa.service.engine import DISCLAIMER, Engine, QueueFullError
from keras_wa.service.gate import Gate, refusal
from keras_wa.service.inputs import (
    Instances,
    Question,
    RoiQuestion,
    grey_of,
    image_of,
    instance_of,
    parse,
)
from keras_wa.service.metrics import Metrics
from keras_wa.service.settings import Settings
from keras_wa.serving.predicting import ReadRoi

_MODEL = "/v1/models/wa"
_PATHS = ("/", "/health", "/metrics", "/predict", _MODEL, f"{_MODEL}:predict")
_OPENAPI = "/openapi.json"
# While JSON is parsed all else waits, and each list takes eighty bytes.
_MOST_JSON, _MOST_LISTS = 2**24, 2**20


class _InMemory(MultiPartParser):
    # Images of patients are not to lie on a disk; the gate bounds their size.
    spool_max_size = 2**62


def create_app(engine: Engine, settings: Settings, metrics: Metrics) -> Gate:
    """The ASGI application of a service.

    Args:
        engine: that answers.
        settings: what is taken on.
        metrics: what `/metrics` shows.
    """
    # FastAPI's pages of documentation load scripts from elsewhere.
    app = FastAPI(
        title="keras_wa",
        version=__version__,
        description=f"Breast microcalcifications on mammograms. {DISCLAIMER}",
        openapi_url=_OPENAPI,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    _add_errors(app)
    _add_predict(app, engine, settings)
    _add_tensorflow_serving(app, engine, settings)

    @app.get("/", responses=answers.COMMON)
    async def index() -> dict[str, Any]:
        """Names the paths."""
        return {"paths": [*_PATHS, _OPENAPI], "notes": [DISCLAIMER]}

    @app.get("/health", response_model=answers.Health, responses=answers.COMMON)
    async def health() -> Any:
        """Answers as soon as predictions are answered; needs no token."""
        return {"status": "ok"}

    @app.get("/metrics", response_class=Response, responses=_text())
    async def show_metrics() -> Any:
        """Counters in Prometheus' text format."""
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    paths = frozenset({*_PATHS, _OPENAPI})
    return Gate(app, settings, metrics, paths, frozenset({"/health"}))


def _text() -> dict[int | str, dict[str, Any]]:
    content = {CONTENT_TYPE_LATEST: {"schema": {"type": "string"}}}
    return {**answers.COMMON, 200: {"content": content, "description": "Counters."}}


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(HTTPException)
    async def on_http(_: Request, error: HTTPException) -> JSONResponse:
        return refusal(error.status_code, error.detail, _headers(error.headers))

    @app.exception_handler(UserError)
    async def on_user(_: Request, error: UserError) -> JSONResponse:
        return refusal(422, " ".join(str(error).split()))

    @app.exception_handler(QueueFullError)
    async def on_full(_: Request, __: QueueFullError) -> JSONResponse:
        return refusal(
            503,
            "Busy: too many ROIs wait for the network. Try again.",
            {"Retry-After": "1"},
        )

    # Starlette raises it again, so that its traceback is written to stderr.
    @app.exception_handler(Exception)
    async def on_defect(_: Request, __: Exception) -> JSONResponse:
        return refusal(500, "A defect of the service; its log has the details.")


def _headers(headers: Mapping[str, str] | None) -> dict[str, str] | None:
    return None if headers is None else dict(headers)


def _add_predict(app: FastAPI, engine: Engine, settings: Settings) -> None:
    @app.post(
        "/predict",
        response_model=answers.Record,
        responses=answers.WORK,
        openapi_extra=answers.IMAGE_BODY,
    )
    async def predict(request: Request) -> Any:
        """Classifies one image, or the lesion that a box marks in it."""
        kind = _content_type(request)
        if kind == "multipart/form-data":
            data, fields = await _read_form(request)
            question = parse(Question, fields)

            def read() -> ReadRoi:
                image = image_of(data, settings.max_pixels, question.for_processing)
                return engine.read(image, question)

            symmetries = question.symmetries
            roi = await engine.decoded(read)
        elif kind == "application/json":
            body = await _read_json(request)

            def parse_and_read() -> tuple[ReadRoi, int]:
                question = parse(RoiQuestion, body)
                read = engine.read(grey_of(question.roi, "roi"), question)
                return read, question.symmetries

            roi, symmetries = await engine.decoded(parse_and_read)
        else:
            raise _other_type(request, "multipart/form-data or application/json")
        return JSONResponse(await engine.record(roi, symmetries))


def _add_tensorflow_serving(app: FastAPI, engine: Engine, settings: Settings) -> None:
    @app.get(_MODEL, response_model=answers.ModelStatus, responses=answers.COMMON)
    async def status() -> Any:
        """Whether the model is there, as TensorFlow Serving says it."""
        fine = {"error_code": "OK", "error_message": ""}
        one = {"version": "1", "state": "AVAILABLE", "status": fine}
        return {"model_version_status": [one]}

    @app.post(
        f"{_MODEL}:predict",
        response_model=answers.Predictions,
        responses=answers.WORK,
        openapi_extra=answers.INSTANCES_BODY,
    )
    async def predict_instances(request: Request) -> Any:
        """The network's probabilities, not calibrated, as TensorFlow Serving does."""
        # Its clients send JSON under any type, or none.
        body = await _read_json(request)

        def read() -> list[ReadRoi]:
            instances = parse(Instances, body).instances
            engine.check_count(len(instances))
            return [
                engine.read(instance_of(value, i, settings.max_pixels), Question())
                for i, value in enumerate(instances)
            ]

        outputs = await engine.outputs(await engine.decoded(read), 1)
        return JSONResponse({"predictions": outputs.tolist()})


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _other_type(request: Request, expected: str) -> HTTPException:
    received = request.headers.get("content-type", "nothing")[:80]
    return HTTPException(
        415, f"Content-Type. Received: {received!r}; expected {expected}."
    )


async def _read_json(request: Request) -> bytes:
    body = await request.body()
    lists = body.count(b"[") + body.count(b"{")
    if len(body) > _MOST_JSON or lists > _MOST_LISTS:
        raise HTTPException(
            413,
            f"JSON. Received: {len(body)} bytes with {lists} lists; expected at most "
            f"{_MOST_JSON} with {_MOST_LISTS}. Send encoded images, or several "
            "requests.",
        )
    return body


async def _read_form(request: Request) -> tuple[bytes, dict[str, Any]]:
    """The file of a form, and its other fields."""
    parser = _InMemory(request.headers, request.stream(), max_files=1, max_fields=16)
    try:
        form = await parser.parse()
        fields = dict(form)
        file = fields.pop("file", None)
        if not isinstance(file, UploadFile):
            raise HTTPException(
                400,
                "file. Received: none; expected a form with an image in the field "
                "file.",
            )
        # Its name is the client's, and is not used at all.
        return await file.read(), fields
    except MultiPartException as error:
        raise HTTPException(400, f"multipart/form-data: {error.message}") from error
    finally:
        # A form that ends before its last boundary has files that nobody else closes.
        for each in parser._files_to_close_on_error:
            each.close()
