"""A real Chromium, and a service that it can reach."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

from keras_wa.service.app import create_app
from keras_wa.service.connections import protocol_for
from keras_wa.service.engine import Engine
from keras_wa.service.metrics import Metrics
from keras_wa.service.settings import Settings
from keras_wa.serving.classifier import Classifier

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """The program, if it is on the PATH."""
    return next(filter(None, map(shutil.which, NAMES)), None)


NEEDS_CHROMIUM = [
    pytest.mark.chromium,
    pytest.mark.skipif(
        find_chromium() is None, reason="CHROMIUM MISSING: install a chromium"
    ),
]


@contextlib.contextmanager
def listening(classifier: Classifier, **settings: Any) -> Iterator[str]:
    """Serves a classifier at a free port of this machine. Gives the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        chosen = Settings(port=listener.getsockname()[1], **settings)
        metrics = Metrics()
        engine = Engine(classifier, chosen, metrics)
        app = create_app(engine, chosen, metrics)
        protocol = protocol_for(chosen.concurrency)
        config = uvicorn.Config(app, lifespan="off", log_config=None, http=protocol)
        server = uvicorn.Server(config)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, daemon=True
        )
        thread.start()
        try:
            yield f"http://127.0.0.1:{chosen.port}/"
        finally:
            server.should_exit = True
            thread.join(10)
            assert engine.close(10)


@contextlib.contextmanager
def running_chromium() -> Iterator[Browser]:
    """A browser, as long as the context lasts."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(),
            # Root has no sandbox; and it shall look for nothing beyond this machine.
            args=["--no-sandbox", "--disable-background-networking", "--disable-sync"],
        )
        yield browser
        browser.close()


@dataclasses.dataclass
class Seen:
    """What a page complained of, and what it fetched."""

    complaints: list[str] = dataclasses.field(default_factory=list)
    fetched: list[str] = dataclasses.field(default_factory=list)


@contextlib.contextmanager
def opened(
    browser: Browser, address: str, **context: Any
) -> Iterator[tuple[Page, Seen]]:
    """A page that shares nothing with another one, and what was seen of it."""
    own = browser.new_context(**context)
    page, seen = own.new_page(), Seen()
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("console", lambda said: seen.complaints.append(said.text))
    page.on("request", lambda request: seen.fetched.append(request.url))
    page.goto(address)
    yield page, seen
    own.close()


def upload(name: str, data: bytes) -> dict[str, Any]:
    """As a page's input takes a file."""
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


def said(page: Page, words: str) -> None:
    """Waits until the page says so."""
    expect(page.locator("#status")).to_have_text(re.compile(words), timeout=20_000)
