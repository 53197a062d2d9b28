"""Makes the tiny model and its finished run known to the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from keras_wa.cli import main
from keras_wa.inference.classifier import Classifier, open_classifier
from tests.tiny_model import finished, float32, store_dir, tiny_model

__all__ = ["classifier", "exported", "finished", "float32", "store_dir", "tiny_model"]


@pytest.fixture(scope="session")
def classifier(finished: Path) -> Classifier:
    """Of the finished run."""
    return open_classifier(finished)


@pytest.fixture(scope="session")
def exported(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished run as a SavedModel that explains; not to be changed."""
    path = tmp_path_factory.mktemp("exported") / "served"
    assert main(["export", str(finished), "--out", str(path), "--explain"]) == 0
    return path
