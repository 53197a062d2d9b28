"""AlexNet is the published network of one tower on a grey ROI."""

from __future__ import annotations

import keras
import pytest

from keras_wa.errors import UserError
from keras_wa.models import create_model
from tests.models import published


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return create_model("alexnet")


def test_it_has_the_published_parameters(model: keras.Model) -> None:
    wanted = (
        published.ALEXNET_TOP
        - published.dense(4096, 1000)
        + published.dense(4096, 2)
        - published.grey_instead_of_rgb(11, 64)
        + published.NORM
    )
    assert model.count_params() == wanted
    assert round(wanted / 1e6, 1) == 57.0


def test_its_maps_have_the_published_sizes(model: keras.Model) -> None:
    sides = {"conv1_conv": 55, "pool1_pool": 27, "pool2_pool": 13, "pool5_pool": 6}
    for name, side in sides.items():
        assert model.get_layer(name).output.shape[1:3] == (side, side), name


def test_the_smallest_roi_leaves_one_place() -> None:
    model = create_model("alexnet", image_size=63)
    assert model.get_layer("pool5_pool").output.shape == (None, 1, 1, 256)


def test_normalisation_stands_between_each_convolution_and_its_relu() -> None:
    model = create_model("alexnet", image_size=64, batch_norm=True, bn_momentum=0.9)
    names = [layer.name for layer in model.layers]
    for number in range(1, 6):
        place = names.index(f"conv{number}_conv")
        wanted = [f"conv{number}_bn", f"conv{number}_relu"]
        assert names[place + 1 : place + 3] == wanted
        assert model.get_layer(wanted[0]).momentum == 0.9


@pytest.mark.parametrize(
    ("option", "value"),
    [("image_size", 62), ("classes", 1), ("dropout", -0.1), ("bn_momentum", 1.0)],
)
def test_a_value_out_of_range_names_the_option(option: str, value: object) -> None:
    with pytest.raises(UserError, match=rf"`{option}` must.*Received: {value!r}$"):
        create_model("alexnet", **{option: value})
