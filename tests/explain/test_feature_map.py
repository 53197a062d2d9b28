"""The deepest map that can still place a cluster is explained."""

from __future__ import annotations

import keras
import pytest
from keras import layers

from keras_wa.errors import UserError
from keras_wa.explain.feature_map import find_feature_map
from keras_wa.models import create_model
from tests.tiny_model import tiny


@pytest.mark.parametrize(
    ("size", "graft", "expected", "side"),
    [
        (224, "detail", "conv3_block4_se", 14),
        (64, "field", "conv2_block3_se", 16),
    ],
)
def test_of_wa_resnet50_it_is_the_gate_of_the_last_stage_of_at_least_14x14(
    size, graft, expected, side
):
    model = create_model("wa_resnet50", image_size=size, graft=graft)
    name, tensor = find_feature_map(model)
    assert name == expected
    assert tensor.shape[1:3] == (side, side)


def test_where_no_map_is_large_enough_the_last_of_the_largest_is_taken():
    roi = keras.Input((8, 8, 1))
    x = layers.Conv2D(2, 3, strides=2, padding="same", name="four")(roi)
    x = layers.Activation("relu", name="four_too")(x)
    x = layers.Conv2D(2, 3, strides=2, padding="same", name="two")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(roi, layers.Dense(2, activation="softmax")(x))
    assert find_feature_map(model)[0] == "four_too"


def test_a_layer_can_be_named_and_subbands_are_no_features():
    name, tensor = find_feature_map(tiny(), "gate")
    assert name == "gate"
    assert tensor.shape == (None, 8, 8, 8)
    with pytest.raises(UserError, match="Received: 'gat'; did you mean 'gate'"):
        find_feature_map(tiny(), "gat")
    # Its subbands are 4x4, its maps 2x2.
    assert find_feature_map(tiny(image_size=8))[1].shape[1:3] == (2, 2)


def test_an_operation_that_is_no_layer_can_be_explained():
    roi = keras.Input((16, 16, 1))
    x = layers.Conv2D(2, 3, padding="same")(roi)
    x = keras.ops.add(x, 1.0)
    model = keras.Model(roi, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    assert find_feature_map(model)[0].startswith("add")


def test_a_network_without_convolutions_is_refused():
    roi = keras.Input((8, 8, 1))
    model = keras.Model(roi, layers.Dense(2)(layers.Flatten()(roi)), name="flat")
    with pytest.raises(UserError, match="Received: model 'flat' without a feature map"):
        find_feature_map(model)
