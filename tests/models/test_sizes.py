"""`sizes.json`, which `keras-wa models` lists, is what the models have."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import pytest

import keras_wa
from keras_wa.models import create_model, list_models
from keras_wa.models.registry import model_source
from keras_wa.training.cost import count_gflops

FILE = Path(keras_wa.__file__).parent / "models" / "sizes.json"
RECORD = json.loads(FILE.read_text())


def test_every_model_is_listed_with_its_source() -> None:
    found = {row["name"]: row["source"] for row in RECORD["models"]}
    # Other tests may have registered theirs.
    own = set(list_models()) - {"tiny"}
    assert found == {name: model_source(name) for name in own}


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(
            row,
            marks=[] if row["name"] == "wa_resnet50" else [pytest.mark.slow],
            id=row["name"],
        )
        for row in RECORD["models"]
    ],
)
def test_the_sizes_are_those_of_the_models(row: dict) -> None:
    model = create_model(row["name"], image_size=RECORD["image_size"])
    assert model.count_params() == row["parameters"]
    if row["name"] == "wa_resnet50":
        assert count_gflops(model) == pytest.approx(row["gflops"], abs=1e-6)
    keras.backend.clear_session()
