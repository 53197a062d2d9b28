"""The service keeps to its own description, whatever is asked of it."""

from __future__ import annotations

import base64
import warnings
from typing import Any

import pytest

with warnings.catch_warnings():
    # Of its own imports.
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
        unsupported_method,
    )

from hypothesis import HealthCheck, Phase, given, seed, settings
from pydantic import BaseModel
from starlette.testclient import TestClient

from keras_wa.server import answers
from keras_wa.server.image_paths import PATHS as IMAGE_PATHS
from tests.server.clients import LOCAL, encoded, film, smooth

PATHS = [
    *(("/about", "GET"), ("/health", "GET"), ("/metrics", "GET")),
    *(("/v1/models/wa", "GET"), ("/v1/models/wa:predict", "POST")),
    *((path, "POST") for path in IMAGE_PATHS),
]


@pytest.fixture(scope="module")
def schema(client: TestClient) -> Any:
    return schemathesis.openapi.from_asgi(
        "/openapi.json", client.app, headers={"host": "localhost"}
    )


@pytest.mark.parametrize(("path", "method"), PATHS)
def test_answers_are_as_described(schema: Any, path: str, method: str) -> None:
    operation = schema[path][method]
    statuses = []

    @seed(1)
    @settings(
        max_examples=20,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    @given(case=operation.as_strategy())
    def answers(case: Any) -> None:
        response = case.call_and_validate(
            base_url=LOCAL,
            headers={"host": "localhost"},
            checks=[
                not_a_server_error,
                content_type_conformance,
                response_schema_conformance,
                status_code_conformance,
                unsupported_method,
            ],
        )
        statuses.append(response.status_code)

    answers()
    assert statuses, "nothing was asked"
    assert max(statuses) < 500


ENCODED = base64.b64encode(encoded(smooth())).decode()


@pytest.mark.parametrize(
    ("path", "answer", "sent"),
    [
        ("/predict", answers.Record, {"files": {"file": encoded(smooth())}}),
        ("/predict", answers.Record, {"json": {"roi": smooth().tolist()}}),
        ("/explain", answers.Explanation, {"files": {"file": encoded(smooth())}}),
        ("/view", answers.View, {"files": {"file": encoded(film())}}),
        (
            "/candidates",
            answers.Candidates,
            {"files": {"file": encoded(film())}, "data": {"pixel_spacing": "0.1"}},
        ),
        (
            "/v1/models/wa:predict",
            answers.Predictions,
            {"json": {"instances": [{"b64": ENCODED}]}},
        ),
    ],
    ids=range(6),
)
def test_an_image_has_the_answer_that_is_described(
    client: TestClient, schema: Any, path: str, answer: type[BaseModel], sent: Any
) -> None:
    found = client.post(path, **sent)
    assert found.status_code == 200, found.text
    # Of the same fields as the document has, and no others.
    answer.model_validate(found.json(), extra="forbid")
    described = schema.raw_schema["paths"][path]["post"]["responses"]["200"]
    reference = described["content"]["application/json"]["schema"]["$ref"]
    assert reference == f"#/components/schemas/{answer.__name__}"
    if path == "/candidates":
        assert len(found.json()["candidates"]) > 0, "or none of them was looked at"


def test_every_path_is_tried(schema: Any) -> None:
    described = {
        (path, method.upper())
        for path, methods in schema.raw_schema["paths"].items()
        for method in methods
    }
    assert described == set(PATHS)
