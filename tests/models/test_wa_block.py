"""Wavelet attention stands where ResNet-50 had a stride, and changes nothing else."""

from __future__ import annotations

import keras
import pytest

from keras_wa.layers import WaveletAttention
from keras_wa.models import create_model


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return create_model("wa_block_resnet50", image_size=64)


@pytest.fixture(scope="module")
def plain() -> keras.Model:
    return create_model("resnet50", image_size=64)


def test_it_adds_three_layers_and_no_weights(
    model: keras.Model, plain: keras.Model
) -> None:
    names = [layer.name for layer in model.layers]
    added = [f"conv{stage}_wa" for stage in (3, 4, 5)]
    theirs = [layer.name for layer in plain.layers]
    assert [name for name in names if name not in added] == theirs
    assert sorted(set(names) - set(theirs)) == added
    assert model.count_params() == plain.count_params()


def test_the_branch_takes_the_attended_map_and_the_shortcut_the_low_band(
    model: keras.Model,
) -> None:
    for stage, last in ((3, 3), (4, 4), (5, 6)):
        block = model.get_layer(f"conv{stage}_wa")
        assert isinstance(block, WaveletAttention)
        before = model.get_layer(f"conv{stage - 1}_block{last}_out")
        assert block.input is before.output
        attended, low = block.output
        assert model.get_layer(f"conv{stage}_block1_1_conv").input is attended
        assert model.get_layer(f"conv{stage}_block1_0_conv").input is low


def test_only_the_blocks_halve_the_maps_of_the_stages(
    model: keras.Model, plain: keras.Model
) -> None:
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D) and layer.name != "conv1_conv":
            assert layer.strides == (1, 1), layer.name
    for name in ("conv2_block3_out", "conv3_block4_out", "conv5_block3_out"):
        assert model.get_layer(name).output.shape == plain.get_layer(name).output.shape


def test_the_options_reach_the_layers() -> None:
    model = create_model(
        "wa_block_resnet50",
        image_size=32,
        wavelet="db2",
        bn_momentum=0.9,
        zero_init_residual=True,
    )
    assert model.get_layer("conv4_wa").wavelet == "db2"
    assert model.get_layer("conv5_block3_3_bn").momentum == 0.9
    assert not keras.ops.any(model.get_layer("conv5_block3_3_bn").gamma)
