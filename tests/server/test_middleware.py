"""Who is let through, with how much, for how long; and all of it is counted."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from keras_wa.inference.classifier import Classifier
from keras_wa.metrics import PredictionSets
from keras_wa.server.limits import ServerSettings
from keras_wa.server.metrics import Metrics
from keras_wa.server.middleware import LimitsMiddleware
from keras_wa.server.page import PAGE_FILES
from tests.server.clients import encoded, service, smooth
from tests.waiting import DEADLINE_S, until

IMAGE = encoded(smooth())
TOKEN = "t0ken/+="


def post(client: TestClient, **words: Any) -> Any:
    return client.post("/predict", files={"file": ("x", IMAGE)}, **words)


def test_probabilities_sets_and_unusual_rois_are_counted(
    classifier: Classifier,
) -> None:
    assert classifier.decision is not None
    sets = PredictionSets(0.9, 1.0, 0.0, 50, 50)
    decision = dataclasses.replace(classifier.decision, prediction_sets=sets)
    changed = dataclasses.replace(classifier, decision=decision)
    with service(changed) as client:
        probabilities = [
            client.post("/predict", files={"file": ("x", image)}).json()["probability"]
            for image in (IMAGE, IMAGE, encoded(np.ones((40, 40), np.uint8)))
        ]
        text = metrics_of(client)
    counted = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
    for limit in (0.1, 0.5, 1.0):
        name = f'keras_wa_probability_bucket{{le="{limit}"}}'
        assert float(counted[name]) == sum(p <= limit for p in probabilities)
    assert float(counted['keras_wa_prediction_sets_total{set="both"}']) == 3
    name = 'keras_wa_out_of_distribution_rois_total{reason="intensity"}'
    assert 1 <= float(counted[name]) <= 3


def test_without_the_token_there_is_the_empty_page_alone(
    classifier: Classifier,
) -> None:
    with service(classifier, "http://some.host", host="0.0.0.0", token=TOKEN) as client:
        for path in ("/health", *PAGE_FILES):
            assert client.get(path).status_code == 200
        for given in (
            "",
            "Bearer ",
            "Bearer t0ken",
            f"Basic {TOKEN}",
            TOKEN,
            "Bearer ж",
        ):
            sent = {"authorization": given.encode()}
            for path in ("/about", "/metrics", "/openapi.json", "/v1/models/wa"):
                found = client.get(path, headers=sent)
                assert found.status_code == 401, (given, path)
                assert found.headers["www-authenticate"] == "Bearer"
            assert post(client, headers=sent).status_code == 401
        right = {"authorization": f"Bearer {TOKEN}"}
        described = client.get("/openapi.json", headers=right).json()
        assert described["security"] == [{"token": []}]
        assert described["paths"]["/health"]["get"]["security"] == []
        scheme = described["components"]["securitySchemes"]["token"]
        assert scheme == {"type": "http", "scheme": "bearer"}
        assert post(client, headers=right).status_code == 200
        assert client.get("/metrics", headers=right).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *(("localhost", 200), ("LOCALHOST:1", 200), ("[::1]:8501", 200)),
        *(("evil.example", 421), ("127.0.0.1.evil.example", 421), ("", 421)),
    ],
)
def test_without_a_token_a_page_cannot_pose_as_this_machine(
    local: TestClient, host: str, status: int
) -> None:
    assert local.get("/health", headers={"host": host}).status_code == status


@pytest.fixture(scope="module")
def local(classifier: Classifier) -> Iterator[TestClient]:
    with service(classifier, max_megabytes=0.01) as client:
        yield client


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused_with_or_without_a_length(
    local: TestClient, chunked: bool
) -> None:
    def chunks() -> Iterator[bytes]:
        yield from [b"\0" * 1000] * 11

    body: Any = chunks() if chunked else b"\0" * 11_000
    kind = {"content-type": "multipart/form-data; boundary=b"}
    found = local.post("/v1/models/wa:predict", content=body, headers=kind)
    assert found.status_code == 413
    assert found.json()["error"] == (
        "The request is too large. Received: more than 0.01 MiB; expected at most 0.01 "
        "MiB (`max_megabytes` of the service)."
    )
    assert post(local).status_code == 200, "and the next is answered"


def test_requests_are_counted_by_path_and_status(classifier: Classifier) -> None:
    with service(classifier) as client:
        post(client)
        post(client)
        client.post("/predict", files={"file": ("x", b"no image")})
        client.get("/a-strangers-path")
        text = client.get("/metrics").text
    for line in (
        'keras_wa_requests_total{path="/predict",status="200"} 2.0',
        'keras_wa_requests_total{path="/predict",status="422"} 1.0',
        'keras_wa_requests_total{path="other",status="404"} 1.0',
        'keras_wa_request_seconds_count{path="/predict"} 3.0',
        "keras_wa_batch_rois_sum 2.0",
        "keras_wa_queue_rois 0.0",
        "keras_wa_requests_under_way 0.0",
    ):
        assert line in text.splitlines()
    assert "strangers" not in text


class Slow:
    """A classifier that waits for its gate, as soon as it has started."""

    def __init__(self, classifier: Classifier) -> None:
        self.gate, self.calls, self._serve = threading.Event(), 0, classifier.serve
        self.classifier = dataclasses.replace(classifier, serve=self._wait)

    def _wait(self, rois: Any) -> Any:
        self.calls += 1
        # The first warms the network up: its batches are of one.
        assert self.calls == 1 or self.gate.wait(DEADLINE_S)
        return self._serve(rois)


def test_what_is_too_much_at_once_is_told_to_come_again(
    classifier: Classifier,
) -> None:
    slow = Slow(classifier)
    with (
        service(slow.classifier, concurrency=2, batch=1) as client,
        ThreadPoolExecutor(2) as pool,
    ):
        waiting = [pool.submit(post, client) for _ in range(2)]
        until(lambda: "under_way 2.0" in client.get("/metrics").text)
        refused = post(client)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert client.get("/health").status_code == 200, "is no prediction"
        slow.gate.set()
        assert [each.result().status_code for each in waiting] == [200, 200]
        assert post(client).status_code == 200


def test_a_full_queue_is_told_too(classifier: Classifier) -> None:
    slow = Slow(classifier)
    body = {"instances": [smooth().tolist()] * 3}
    with (
        service(slow.classifier, concurrency=4, batch=1) as client,
        ThreadPoolExecutor(2) as pool,
    ):
        # Two are with the network, then two of four places are taken.
        first = pool.submit(post, client)
        until(lambda: slow.calls == 2 and "queue_rois 0.0" in metrics_of(client))
        second = pool.submit(client.post, "/v1/models/wa:predict", json=body)
        until(lambda: "queue_rois 2.0" in metrics_of(client))
        refused = client.post("/v1/models/wa:predict", json=body)
        assert refused.status_code == 503
        assert "ROIs wait for the network" in refused.json()["error"]
        assert refused.headers["retry-after"] == "1"
        slow.gate.set()
        assert first.result().status_code == second.result().status_code == 200


def test_no_request_waits_beyond_its_deadline(classifier: Classifier) -> None:
    slow = Slow(classifier)
    with service(slow.classifier, timeout=0.2, batch=1) as client:
        late = post(client)
        slow.gate.set()
        assert late.status_code == 504
        assert "No answer within 0.2 s" in late.json()["error"]
        # This question may be late too.
        until(lambda: "requests_under_way 0.0" in metrics_of(client))


def metrics_of(client: TestClient) -> str:
    return client.get("/metrics").text


async def call(
    app: LimitsMiddleware, receive: Receive, path: str = "/x"
) -> tuple[int, dict[str, str]]:
    """The status and the headers of an answer."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "headers": [(b"host", b"localhost"), (b"content-length", b"1")],
    }
    await app(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers


async def reads_all(_: Scope, receive: Receive, send: Send) -> None:
    more = True
    while more:
        more = (await receive())["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def limited(app: Any = reads_all, **settings: Any) -> LimitsMiddleware:
    handled = ExceptionMiddleware(app)
    return LimitsMiddleware(
        handled, ServerSettings(**settings), Metrics(), frozenset(), frozenset()
    )


async def never() -> Any:
    await asyncio.sleep(60)


async def whole() -> Any:
    return {"type": "http.request", "body": b"1", "more_body": False}


def test_a_request_that_does_not_arrive_is_given_up() -> None:
    status, headers = asyncio.run(call(limited(timeout=0.1), never))
    assert status == 408
    assert headers["connection"] == "close"


def test_an_answer_before_the_end_of_the_body_ends_the_connection() -> None:
    async def at_once(_: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def ask() -> list[str]:
        stopped = limited()
        found = [await call(limited(at_once), whole), await call(limited(), whole)]
        stopped.stop(1)
        found.append(await call(stopped, whole))
        return [headers.get("connection", "") for _, headers in found]

    assert asyncio.run(ask()) == ["close", "", "close"], "so does a stop"


def test_a_stop_answers_what_is_there_and_what_still_comes_in_the_time_given() -> None:
    async def stuck(_: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await never()

    async def stop() -> list[int]:
        stopped = limited(stuck, timeout=50)
        answers = [asyncio.create_task(call(stopped, whole)) for _ in range(3)]
        await asyncio.sleep(0.05)
        stopped.stop(0.1)
        answers.append(asyncio.create_task(call(stopped, whole)))
        done = await asyncio.wait_for(asyncio.gather(*answers), DEADLINE_S)
        return [status for status, _ in done]

    assert asyncio.run(stop()) == [503] * 4


def test_bodies_that_come_slowly_take_no_place_of_others() -> None:
    async def crowd() -> list[int]:
        done, arrived = asyncio.Event(), asyncio.Event()

        async def works(scope: Scope, receive: Receive, send: Send) -> None:
            await receive()
            await done.wait()
            await reads_all(scope, whole, send)

        async def slowly() -> Any:
            await arrived.wait()
            return await whole()

        busy = limited(works, concurrency=1)
        slow = [asyncio.create_task(call(busy, slowly)) for _ in range(8)]
        prompt = asyncio.create_task(call(busy, whole))
        await asyncio.sleep(0)
        too_much = await call(busy, whole)
        arrived.set()
        late = [status for status, _ in await asyncio.gather(*slow)]
        done.set()
        return [(await prompt)[0], too_much[0], *late]

    # They are counted once they are there: then they are too many, too.
    assert asyncio.run(asyncio.wait_for(crowd(), DEADLINE_S)) == [200, *[503] * 9]


def test_bodies_together_have_a_limit_that_is_given_back() -> None:
    async def fill() -> tuple[int, int]:
        small = limited(max_megabytes=1 / 8)  # One MiB in all.
        going = asyncio.Event()

        def body(size: int, wait: Callable[[], Awaitable[Any]]) -> Receive:
            parts = [True, False]

            async def receive() -> Any:
                more = parts.pop(0)
                if not more:
                    await wait()
                return {
                    "type": "http.request",
                    "body": b"\0" * size * more,
                    "more_body": more,
                }

            return receive

        big = 2**16
        held = [
            asyncio.create_task(call(small, body(big, going.wait))) for _ in range(16)
        ]
        await asyncio.sleep(0.05)
        refused, _ = await call(small, body(1, going.wait))
        going.set()
        assert {status for status, _ in await asyncio.gather(*held)} == {200}
        taken, _ = await call(small, body(big, going.wait))
        return refused, taken

    assert asyncio.run(fill()) == (503, 200)
