"""The ASGI application of the service."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from keras_wa import __version__
from keras_wa.errors import UserError
from keras_wa.export.cards import DISCLAIMER
from keras_wa.inference.predicting import ReadRoi
from keras_wa.server import answers
from keras_wa.server.batching import QueueFullError
from keras_wa.server.bodies import read_json
from keras_wa.server.engine import Engine
from keras_wa.server.image_paths import PATHS as IMAGE_PATHS
from keras_wa.server.image_paths import add_image_paths
from keras_wa.server.images import instances_of
from keras_wa.server.limits import ServerSettings
from keras_wa.server.metrics import Metrics
from keras_wa.server.middleware import LimitsMiddleware, refusal
from keras_wa.server.page import PAGE_FILES, add_page
from keras_wa.server.questions import Instances, Question, parse

_MODEL = "/v1/models/wa"
_OPENAPI = "/openapi.json"
_PATHS = ("/health", "/about", "/metrics", _OPENAPI, _MODEL, f"{_MODEL}:predict")


def create_app(
    engine: Engine, settings: ServerSettings, metrics: Metrics
) -> LimitsMiddleware:
    """Creates the ASGI application of the service."""
    # Without FastAPI's documentation pages, which load scripts from other hosts.
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
    add_page(app)
    add_image_paths(app, engine, settings)
    _add_tensorflow_serving(app, engine, settings)

    @app.get("/about", response_model=answers.About, responses=answers.COMMON)
    async def about() -> Any:
        """Describes the model and how to send requests."""
        return engine.about()

    @app.get("/health", response_model=answers.Health, responses=answers.COMMON)
    async def health() -> Any:
        """Responds once the service can answer predictions; needs no token."""
        return {"status": "ok"}

    @app.get("/metrics", response_class=Response, responses=_text())
    async def show_metrics() -> Any:
        """Returns the counters in Prometheus' text format."""
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    _describe_token(app, settings)
    paths = frozenset({*_PATHS, *IMAGE_PATHS, *PAGE_FILES})
    return LimitsMiddleware(
        app, settings, metrics, paths, frozenset({"/health", *PAGE_FILES})
    )


def _describe_token(app: FastAPI, settings: ServerSettings) -> None:
    """Adds the bearer token, which the middleware checks, to the OpenAPI document."""
    document = app.openapi()
    scheme = {"type": "http", "scheme": "bearer"}
    document["components"]["securitySchemes"] = {"token": scheme}
    document["security"] = [{"token": []}] if settings.token else [{}, {"token": []}]
    document["paths"]["/health"]["get"]["security"] = []


def _text() -> dict[int | str, dict[str, Any]]:
    content = {CONTENT_TYPE_LATEST: {"schema": {"type": "string"}}}
    return {**answers.COMMON, 200: {"content": content, "description": "Counters."}}


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(HTTPException)
    async def on_http(_: Request, error: HTTPException) -> JSONResponse:
        return refusal(error.status_code, error.detail, dict(error.headers or {}))

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

    # Starlette raises the exception again, which writes the traceback to stderr.
    @app.exception_handler(Exception)
    async def on_defect(_: Request, __: Exception) -> JSONResponse:
        return refusal(500, "Internal error; the log of the service has the details.")


def _add_tensorflow_serving(
    app: FastAPI, engine: Engine, settings: ServerSettings
) -> None:
    @app.get(_MODEL, response_model=answers.ModelStatus, responses=answers.COMMON)
    async def status() -> Any:
        """Returns the model status in TensorFlow Serving's format."""
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
        """Returns uncalibrated probabilities in TensorFlow Serving's format."""
        # TensorFlow Serving's clients send JSON with any content type, or none.
        body = await read_json(request)

        def read() -> list[ReadRoi]:
            instances = parse(Instances, body).instances
            engine.check_count(len(instances))
            bits = engine.classifier.bits_stored
            images = instances_of(instances, settings.max_pixels, bits)
            return [engine.read(image, Question(), name) for name, image in images]

        outputs = await engine.outputs(await engine.decoded(read), 1)
        return JSONResponse({"predictions": outputs.mean(axis=1).tolist()})
