"""ResNet-34 is the published network on a grey ROI."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from keras_wa.errors import UserError
from keras_wa.models import create_model
from tests.models import published

BLOCKS = {"conv2": (3, 64), "conv3": (4, 128), "conv4": (6, 256), "conv5": (3, 512)}


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return create_model("resnet34")


def test_it_has_the_published_parameters(model: keras.Model) -> None:
    normalised = 64 + sum(2 * n * filters for n, filters in BLOCKS.values())
    shortcuts = 128 + 256 + 512
    wanted = (
        published.RESNET34_TOP
        - published.dense(512, 1000)
        + published.dense(512, 2)
        - published.grey_instead_of_rgb(7, 64)
        + 2 * (normalised + shortcuts)  # The moving averages.
        + published.NORM
    )
    assert model.count_params() == wanted
    assert round(wanted / 1e6, 1) == 21.3


def test_its_maps_have_the_published_sizes(model: keras.Model) -> None:
    sides = {"conv1_relu": 112, "pool1_pool": 56, "conv2_block3_out": 56}
    sides |= {"conv3_block4_out": 28, "conv4_block6_out": 14, "conv5_block3_out": 7}
    for name, side in sides.items():
        assert model.get_layer(name).output.shape[1:3] == (side, side), name


def test_only_where_the_shape_changes_the_shortcut_has_weights(
    model: keras.Model,
) -> None:
    shortcuts = [la.name for la in model.layers if la.name.endswith("_0_conv")]
    assert shortcuts == [f"conv{stage}_block1_0_conv" for stage in (3, 4, 5)]


def test_the_options_reach_the_layers() -> None:
    model = create_model(
        "resnet34",
        image_size=32,
        stem_stride=1,
        bn_momentum=0.9,
        zero_init_residual=True,
    )
    norms = [layer for layer in model.layers if layer.name.endswith("_bn")]
    assert {layer.momentum for layer in norms} == {0.9}
    assert model.get_layer("conv5_block3_out").output.shape[1:3] == (2, 2)
    for layer in norms:
        start = 0 if layer.name.endswith("_2_bn") else 1
        np.testing.assert_array_equal(layer.gamma, start, err_msg=layer.name)


@pytest.mark.parametrize(
    ("option", "value"),
    [("image_size", 31), ("classes", 1), ("stem_stride", 3), ("bn_momentum", 1.0)],
)
def test_a_value_out_of_range_names_the_option(option: str, value: object) -> None:
    with pytest.raises(UserError, match=rf"`{option}` must.*Received: {value!r}$"):
        create_model("resnet34", **{option: value})
