"""A service in this process, and a client of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from starlette.testclient import TestClient

from keras_wa.inference.classifier import Classifier
from keras_wa.server.app import create_app
from keras_wa.server.engine import Engine
from keras_wa.server.limits import ServerSettings
from keras_wa.server.metrics import Metrics
from tests.waiting import DEADLINE_S

LOCAL = "http://127.0.0.1"


@contextlib.contextmanager
def service(
    classifier: Classifier, base_url: str = LOCAL, **settings: Any
) -> Iterator[TestClient]:
    """Serves a classifier as long as the context lasts."""
    chosen, metrics = ServerSettings(**settings), Metrics()
    engine = Engine(classifier, chosen, metrics)
    app = create_app(engine, chosen, metrics)
    with TestClient(app, base_url=base_url, raise_server_exceptions=False) as client:
        yield client
    assert engine.close(DEADLINE_S)


def smooth(height: int = 48, width: int = 56, seed: int = 0) -> np.ndarray:
    """A picture that is not noise alone, uint8."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width), "uint8")
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 2))


def film() -> np.ndarray:
    """A breast with one cluster, uint8; its pixels are of 0.1 mm."""
    image = np.full((400, 400), 60, "uint8")
    image[20:380, :300] = 120 + smooth(360, 300) // 16
    for x, y in ((150, 200), (165, 205), (158, 221), (171, 214)):
        cv2.circle(image, (x, y), 2, 230, -1)
    return image


def encoded(image: np.ndarray, suffix: str = ".png") -> bytes:
    """The bytes of an image file."""
    return cv2.imencode(suffix, image)[1].tobytes()
