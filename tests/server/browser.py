"""A real Chromium, and a service that it can reach."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

from keras_wa.inference.classifier import Classifier
from keras_wa.server.app import create_app
from keras_wa.server.connections import protocol_for
from keras_wa.server.engine import Engine
from keras_wa.server.limits import ServerSettings
from keras_wa.server.metrics import Metrics
from tests.data.io.dicom_files import dicom_bytes, dicom_dataset
from tests.server.clients import smooth
from tests.waiting import DEADLINE_S

PHONE = {
    "viewport": {"width": 360, "height": 740},
    "has_touch": True,
    "is_mobile": True,
}

LIMIT_MS = 1000 * DEADLINE_S
expect.set_options(timeout=LIMIT_MS)

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
        chosen = ServerSettings(port=listener.getsockname()[1], **settings)
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
            thread.join(DEADLINE_S)
            assert engine.close(DEADLINE_S)


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
    own.set_default_timeout(LIMIT_MS)
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


def mammogram(spacing_mm: float | None = 0.1) -> dict[str, Any]:
    """A film of 16 bits, 1000 by 1100 pixels, with a window and one cluster."""
    grey = np.full((1100, 1000), 50, "uint8")
    grey[50:1050, :800] = 120 + smooth(1000, 800) // 16
    for place in ((300, 500), (315, 505), (308, 521), (321, 514)):
        cv2.circle(grey, place, 2, 230, -1)
    dataset = dicom_dataset(
        grey.astype("uint16") * 256,
        WindowCenter=32768,
        WindowWidth=60000,
        **({"ImagerPixelSpacing": [spacing_mm] * 2} if spacing_mm else {}),
    )
    return upload("film.dcm", dicom_bytes(dataset))


def said(page: Page, words: str) -> None:
    """Waits until the page says so."""
    expect(page.locator("#status")).to_have_text(re.compile(words))


def record(page: Page) -> dict[str, Any]:
    """The record that the page offers."""
    with page.expect_download() as started:
        page.click("#save")
    found: dict[str, Any] = json.loads(Path(started.value.path()).read_text())
    return found
