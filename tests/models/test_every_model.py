"""What holds for every registered model, at 64 px, where each must build and train."""

from __future__ import annotations

import keras
import pytest

from keras_wa.models import list_models, model_options
from keras_wa.models.registry import model_source
from keras_wa.testing import run_model_test

# Of the parts of the others.
SLOW = {"cnn_vit", "dwt_resnet50", "fhdf", "se_resnet50", "wa_resnet50_literal"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name in list_models()
    ],
)
def test_a_registered_model_does_what_a_model_must(name: str) -> None:
    model = run_model_test(name)
    assert model.name == name
    model.get_layer("subband_norm")
    options = model_options(name)
    assert (options["image_size"], options["classes"]) == (224, 2)
    assert options.get("bn_momentum", 0.9) == 0.9
    assert 10 < len(model_source(name)) < 80
    keras.backend.clear_session()
