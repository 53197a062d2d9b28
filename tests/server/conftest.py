"""The tiny model, its finished run and a classifier for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from keras_wa.inference.classifier import Classifier
from tests.inference.conftest import classifier
from tests.server.clients import service
from tests.tiny_model import finished, float32, store_dir, tiny_model

__all__ = ["classifier", "finished", "float32", "store_dir", "tiny_model"]


@pytest.fixture(scope="module")
def client(classifier: Classifier) -> Iterator[TestClient]:
    """Of a service in this process."""
    with service(classifier) as client:
        yield client


# Not for the whole session: while it runs, its thread has an event loop that runs.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium."""
    from tests.server.browser import running_chromium

    with running_chromium() as started:
        yield started


@pytest.fixture(scope="module")
def address(classifier: Classifier) -> Iterator[str]:
    """Of a service with the finished run."""
    from tests.server.browser import listening

    with listening(classifier) as found:
        yield found
