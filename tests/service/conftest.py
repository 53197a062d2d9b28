"""The tiny model, its finished run and a classifier for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from keras_wa.serving.classifier import Classifier, open_classifier
from tests.tiny_model import finished, float32, store_dir, tiny_model

__all__ = ["finished", "float32", "store_dir", "tiny_model"]


@pytest.fixture(scope="session")
def classifier(finished: Path) -> Classifier:
    """Of the finished run."""
    return open_classifier(finished)
