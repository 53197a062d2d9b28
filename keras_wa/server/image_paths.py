"""The paths that take an image: predict, explain, view and candidates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse

from keras_wa.data.io import GreyImage
from keras_wa.inference.predicting import ReadRoi
from keras_wa.server import answers
from keras_wa.server.bodies import content_type, other_type, read_form, read_json
from keras_wa.server.engine import Engine
from keras_wa.server.images import grey_of, image_of
from keras_wa.server.limits import ServerSettings
from keras_wa.server.questions import (
    ImageQuestion,
    Question,
    RoiQuestion,
    SearchQuestion,
    ViewQuestion,
    box_of,
    parse,
)
from keras_wa.server.viewing import candidates_of, view_of

PATHS = ("/predict", "/explain", "/view", "/candidates")


def add_image_paths(app: FastAPI, engine: Engine, settings: ServerSettings) -> None:
    """Adds the paths to an application."""
    most = settings.max_pixels
    trained_bits = engine.classifier.bits_stored

    def decoded(data: bytes, question: ImageQuestion) -> GreyImage:
        bits = question.bits_stored or trained_bits
        return image_of(data, most, question.for_processing, bits)

    async def asked(request: Request) -> tuple[ReadRoi, int]:
        """Returns the ROI of a request, and its number of test-time copies."""
        kind = content_type(request)
        if kind == "multipart/form-data":
            data, fields = await read_form(request)
            question = parse(Question, fields)

            def read() -> ReadRoi:
                return engine.read(decoded(data, question), question)

            return await engine.decoded(read), question.tta
        if kind != "application/json":
            raise other_type(request, "multipart/form-data or application/json")
        body = await read_json(request)

        def parse_and_read() -> tuple[ReadRoi, int]:
            question = parse(RoiQuestion, body)
            return engine.read(grey_of(question.roi, "roi"), question), question.tta

        return await engine.decoded(parse_and_read)

    async def looked_at(
        request: Request, kind: type[ImageQuestion], look: Callable[..., dict[str, Any]]
    ) -> JSONResponse:
        """Decodes the image of a form in a thread and applies `look` to it."""
        data, fields = await read_form(request)
        question = parse(kind, fields)

        def read() -> dict[str, Any]:
            return look(decoded(data, question), question)

        return JSONResponse(await engine.decoded(read))

    @app.post(
        "/predict",
        response_model=answers.Record,
        responses=answers.WORK,
        openapi_extra=answers.IMAGE_BODY,
    )
    async def predict(request: Request) -> Any:
        """Classifies one image, or the lesion in a box."""
        return JSONResponse(await engine.record(*await asked(request)))

    @app.post(
        "/explain",
        response_model=answers.Explanation,
        responses=answers.WORK,
        openapi_extra=answers.IMAGE_BODY,
    )
    async def explain(request: Request) -> Any:
        """Classifies one image, with pictures of the network's input and a heat map."""
        roi, tta = await asked(request)
        record = await engine.record(roi, tta)
        pictures, why = await engine.explainer.pictures(roi.roi)
        return JSONResponse(
            {"record": record, "pictures": pictures, "why_no_heat": why or None}
        )

    @app.post(
        "/view",
        response_model=answers.View,
        responses=answers.WORK,
        openapi_extra=answers.VIEW_BODY,
    )
    async def view(request: Request) -> Any:
        """Returns the stored values of an image or a region of it, for display."""

        def look(image: GreyImage, asked: ViewQuestion) -> dict[str, Any]:
            return view_of(image, box_of(asked.region), asked.side, asked.pixel_spacing)

        return await looked_at(request, ViewQuestion, look)

    @app.post(
        "/candidates",
        response_model=answers.Candidates,
        responses=answers.WORK,
        openapi_extra=answers.SEARCH_BODY,
    )
    async def candidates(request: Request) -> Any:
        """Finds candidate clusters in a whole mammogram, without classifying them."""

        def search(image: GreyImage, asked: SearchQuestion) -> dict[str, Any]:
            return candidates_of(image, asked.pixel_spacing, asked.film)

        return await looked_at(request, SearchQuestion, search)
