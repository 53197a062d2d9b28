"""Models that several tests share: a ResNet-50 takes seconds to build."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest

from keras_wa.models import create_model
from tests.models.legacy_h5 import Arrays, random_arrays, write_legacy_h5


@pytest.fixture(scope="session")
def ungrafted() -> keras.Model:
    """keras.applications' own network on four bands of any size."""
    bands = keras.Input((None, None, 4), name="bands")
    return keras.applications.ResNet50(
        include_top=False, weights=None, input_tensor=bands, pooling="avg"
    )


@pytest.fixture(scope="session")
def rgb_arrays(ungrafted: keras.Model) -> Arrays:
    """Random weights for each layer of ResNet-50 without its top, three colours."""
    arrays = random_arrays(ungrafted)
    arrays["conv1_conv"]["kernel"] = arrays["conv1_conv"]["kernel"][:, :, :3]
    # Trained on grey levels, the first normalisation has seen a variance of that scale.
    arrays["conv1_bn"]["moving_variance"] *= 57.6**2
    return arrays


@pytest.fixture(scope="session")
def legacy_file(rgb_arrays: Arrays, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`rgb_arrays` as keras.applications would have them downloaded."""
    return write_legacy_h5(tmp_path_factory.mktemp("weights") / "notop.h5", rgb_arrays)


@pytest.fixture(scope="session")
def wa_model(legacy_file: Path) -> keras.Model:
    """The paper's model read literally, with `legacy_file`; not to be changed."""
    keras.utils.set_random_seed(0)
    return create_model("wa_resnet50_literal", weights=str(legacy_file))


@pytest.fixture(scope="session")
def wa_on_subbands() -> keras.Model:
    """The same without its DWT. Tests may give it other weights."""
    return create_model("wa_resnet50_literal", dwt="pipeline")


@pytest.fixture(scope="session")
def plain_model() -> keras.Model:
    """The baseline. Tests may give it other weights."""
    return create_model("resnet50", weights="none")
