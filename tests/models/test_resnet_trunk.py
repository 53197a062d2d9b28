"""The ablation's options reach the trunk, and its corners differ in nothing else."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from scipy.special import expit

from keras_wa.errors import UserError
from keras_wa.layers import SqueezeExcite
from keras_wa.models import create_model
from keras_wa.models.resnet_trunk import resnet50_features

# Published: 25 557 032 with bias-free convolutions, three colours, 1000 classes
# (torchvision.models.resnet50), plus a bias for each convolution's filter, plus the two
# moving averages of each of those filters.
FILTERS = 26_560
PUBLISHED = 25_557_032 + 3 * FILTERS
HEAD_1000, HEAD_2, HEAD_3 = (2048 * n + n for n in (1000, 2, 3))
GATES = 2_530_992
STEM_PER_CHANNEL = 7 * 7 * 64


def built(name: str, **options: object) -> keras.Model:
    return create_model(name, image_size=32, **options)


def layer_names(model: keras.Model) -> list[str]:
    return [layer.name for layer in model.layers]


def test_the_ablation_s_corners_have_the_counts_of_what_they_keep() -> None:
    trunk = PUBLISHED - HEAD_1000 - 3 * STEM_PER_CHANNEL
    for name, channels, gates in (("dwt_resnet50", 4, 0), ("se_resnet50", 1, GATES)):
        wanted = trunk + channels * STEM_PER_CHANNEL + 2 + gates + HEAD_2
        assert built(name).count_params() == wanted


def test_dwt_resnet50_is_wa_resnet50_without_gates() -> None:
    alone, without = built("dwt_resnet50"), built("wa_resnet50", se_position="none")
    assert layer_names(alone) == layer_names(without)
    alone.set_weights(without.get_weights())
    x = np.random.default_rng(0).random((2, 32, 32, 1), "float32")
    np.testing.assert_array_equal(alone(x), without(x))


def test_se_resnet50_is_resnet50_with_sixteen_gates() -> None:
    gated, plain = built("se_resnet50"), built("resnet50")
    names = [name for name in layer_names(gated) if not name.endswith("_se")]
    assert names == layer_names(plain)
    assert len(layer_names(gated)) - len(names) == 16


def test_the_gates_start_where_gate_bias_says() -> None:
    features = keras.Input((8, 8, 4))
    model = resnet50_features(features, "x", se_position="after_block", gate_bias=1.5)
    gates = [layer for layer in model.layers if isinstance(layer, SqueezeExcite)]
    assert {gate.gate_bias for gate in gates} == {1.5}
    x = np.random.default_rng(0).random((1, 4, 4, 256), "float32")
    np.testing.assert_allclose(gates[0].gates(x), expit(1.5), rtol=1e-5)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (5, 2)])
def test_the_stem_s_kernel_does_not_change_the_size_of_its_map(
    kernel: int, stride: int
) -> None:
    features = keras.Input((32, 32, 4))
    model = resnet50_features(features, "x", stem_kernel=kernel, stem_stride=stride)
    stem = model.get_layer("conv1_conv")
    assert stem.kernel.shape == (kernel, kernel, 4, 64)
    assert stem.output.shape == (None, 32 // stride, 32 // stride, 64)


def test_three_classes_change_the_head_alone() -> None:
    two, three = built("wa_resnet50"), built("wa_resnet50", classes=3)
    assert three.output.shape == (None, 3)
    assert three.count_params() - two.count_params() == HEAD_3 - HEAD_2
    configs = [model.get_config()["layers"] for model in (two, three)]
    differing = [a["name"] for a, b in zip(*configs, strict=True) if a != b]
    assert differing == ["predictions"]


@pytest.mark.parametrize("name", ["wa_resnet50", "dwt_resnet50", "se_resnet50"])
def test_pretrained_weights_need_the_stem_they_come_with(
    name: str, legacy_file: Path
) -> None:
    options = {} if name == "se_resnet50" else {"graft": "none"}
    with pytest.raises(UserError, match=r"`stem_kernel` must be 7.*Received: 3;"):
        built(name, stem_kernel=3, weights=str(legacy_file), **options)


def test_two_levels_take_pretrained_weights_too(legacy_file: Path) -> None:
    options = {"graft": "none", "levels": 2}
    model = built("dwt_resnet50", weights=str(legacy_file), **options)
    kernel = keras.ops.convert_to_numpy(model.get_layer("conv1_conv").kernel)
    assert kernel.shape == (7, 7, 7, 64)
    np.testing.assert_array_equal(kernel, kernel[:, :, :1].repeat(7, axis=2))


@pytest.mark.parametrize(
    "name", ["wa_resnet50", "se_resnet50", "resnet50_vit", "cnn_vit"]
)
def test_stride_on_reaches_every_trunk(name: str) -> None:
    model = built(name, stride_on="3x3")
    for stage in (3, 4, 5):
        block = f"conv{stage}_block1"
        strides = [model.get_layer(f"{block}_{n}_conv").strides for n in (0, 1, 2)]
        assert strides == [(2, 2), (1, 1), (2, 2)]


@pytest.mark.parametrize(("option", "value"), [("stem_kernel", 4), ("classes", 4)])
def test_a_value_out_of_range_names_the_option(option: str, value: int) -> None:
    with pytest.raises(UserError, match=rf"`{option}` must be.*Received: {value}$"):
        built("wa_resnet50", graft="none", **{option: value})
