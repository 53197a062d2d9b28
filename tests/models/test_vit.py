"""ResNet-50 and a transformer in a row and side by side."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from keras_wa.errors import UserError
from keras_wa.models import create_model
from keras_wa.models.weights import adapt_stem_kernel
from tests.models import published
from tests.models.legacy_h5 import Arrays

GREY_RESNET50 = (
    published.RESNET50 - published.grey_instead_of_rgb(7, 64) + published.NORM
)
SMALL = {"image_size": 64, "width": 32, "depth": 1, "heads": 2}


def encoder(tokens: int, width: int = 32) -> int:
    """Class token, positions, one block and the last normalisation."""
    return (1 + 1 + tokens) * width + 12 * width**2 + 13 * width + 2 * width


@pytest.fixture(scope="module")
def in_a_row(legacy_file: Path) -> keras.Model:
    return create_model("resnet50_vit", **SMALL, weights=str(legacy_file))


@pytest.fixture(scope="module")
def side_by_side() -> keras.Model:
    return create_model("cnn_vit", **SMALL)


def test_in_a_row_the_tokens_are_the_places_of_the_last_map(
    in_a_row: keras.Model,
) -> None:
    embedding = in_a_row.get_layer("vit_embedding")
    assert embedding.input is in_a_row.get_layer("conv5_block3_out").output
    assert in_a_row.get_layer("vit_tokens").output.shape == (None, 1 + 2 * 2, 32)
    wanted = GREY_RESNET50 + published.dense(2048, 32) + encoder(4)
    assert in_a_row.count_params() == wanted + published.dense(32, 2)


def test_a_stage_earlier_there_are_four_times_as_many_and_no_last_stage() -> None:
    model = create_model("resnet50_vit", **SMALL, stage=4)
    assert model.get_layer("vit_tokens").output.shape == (None, 1 + 4 * 4, 32)
    assert not [layer for layer in model.layers if layer.name.startswith("conv5")]


def test_side_by_side_the_tokens_are_patches_of_the_roi(
    side_by_side: keras.Model,
) -> None:
    embedding = side_by_side.get_layer("vit_embedding")
    assert embedding.input is side_by_side.get_layer("subband_norm").output
    assert embedding.kernel.shape == (16, 16, 1, 32)
    assert embedding.strides == (16, 16)
    assert side_by_side.get_layer("vit_tokens").output.shape == (None, 17, 32)
    wanted = GREY_RESNET50 + published.dense(16 * 16, 32) + encoder(16)
    wanted += published.dense(2048 + 32, 256) + published.dense(256, 2)
    assert side_by_side.count_params() == wanted


def test_both_branches_reach_the_fusion(side_by_side: keras.Model) -> None:
    names = [tensor.shape[1] for tensor in side_by_side.get_layer("fusion").input]
    assert names == [2048, 32]


def test_pretrained_weights_fill_the_resnet(
    in_a_row: keras.Model, rgb_arrays: Arrays
) -> None:
    kernel, bias = rgb_arrays["conv1_conv"].values()
    stem = in_a_row.get_layer("conv1_conv")
    np.testing.assert_array_equal(stem.kernel, adapt_stem_kernel(kernel, 1))
    np.testing.assert_array_equal(stem.bias, bias)
    last = in_a_row.get_layer("conv5_block3_3_conv")
    np.testing.assert_array_equal(
        last.kernel, rgb_arrays["conv5_block3_3_conv"]["kernel"]
    )


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("resnet50_vit", "stage", 3),
        ("resnet50_vit", "width", 0),
        ("resnet50_vit", "heads", 5),
        ("cnn_vit", "patch_size", 65),
        ("cnn_vit", "patch_size", 0),
        ("cnn_vit", "dropout", 1.0),
    ],
)
def test_a_value_out_of_range_names_the_option(
    name: str, option: str, value: object
) -> None:
    with pytest.raises(UserError, match=rf"`{option}` must.*Received: {value!r}"):
        create_model(name, **{**SMALL, option: value})
