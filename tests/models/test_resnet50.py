"""WA-ResNet-50 is keras.applications' ResNet-50 with subbands, gates and a head."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import pywt

from keras_wa.errors import UserError
from keras_wa.layers import DWT2D, SqueezeExcite
from keras_wa.layers.squeeze_excite import OPEN_GATE_BIAS
from keras_wa.models import create_model
from tests.models.legacy_h5 import random_arrays

# Blocks and channels of ResNet-50's four stages, He et al. 2016, table 1.
STAGES = {"conv2": (3, 256), "conv3": (4, 512), "conv4": (6, 1024), "conv5": (3, 2048)}
BLOCKS = [
    f"{stage}_block{number}"
    for stage, (count, _) in STAGES.items()
    for number in range(1, count + 1)
]
# Without its top, with three colours: the count that keras.applications documents.
RGB_TRUNK = 23_587_712
STEM_PER_CHANNEL = 7 * 7 * 64
HEAD = 2048 * 2 + 2


@pytest.fixture(scope="module")
def branch_gated() -> keras.Model:
    """Every option away from the literal reading that needs no other resolution."""
    return create_model(
        "wa_resnet50",
        image_size=32,
        dwt="pipeline",
        wavelet="db2",
        graft="none",
        se_position="before_add",
        se_ratio=8,
    )


@pytest.fixture(scope="module")
def half_model() -> keras.Model:
    """In half precision, with ResNet-50's own resolutions."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        return create_model("wa_resnet50", graft="field")
    finally:
        keras.config.set_dtype_policy(policy)


def sources(model: keras.Model) -> dict[str, list[str]]:
    """Layer name -> names of the layers that feed it; inputs are left out."""

    def histories(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if "keras_history" in node:
                yield node["keras_history"][0]
            else:
                for value in node.values():
                    yield from histories(value)
        elif isinstance(node, list | tuple):
            for value in node:
                yield from histories(value)

    return {
        layer["config"]["name"]: list(histories(layer["inbound_nodes"]))
        for layer in model.get_config()["layers"]
        if layer["class_name"] != "InputLayer"
    }


def map_of(model: keras.Model) -> tuple[int, ...]:
    """Shape of the last feature map."""
    return tuple(model.get_layer("avg_pool").input.shape[1:])


def output(model: keras.Model, x: np.ndarray) -> np.ndarray:
    # Called eagerly: tracing a ResNet-50 costs more than one pass through it.
    x = keras.tree.pack_sequence_as(model.input, [x.astype("float32")])
    return keras.ops.convert_to_numpy(model(x, training=False))


def gates_of(model: keras.Model) -> list[SqueezeExcite]:
    return [layer for layer in model.layers if isinstance(layer, SqueezeExcite)]


def test_wa_resnet50_has_26_1_million_parameters(wa_model: keras.Model) -> None:
    gates = sum(
        count * (2 * channels * (channels // 16) + channels // 16 + channels)
        for count, channels in STAGES.values()
    )
    assert gates == 2_530_992
    subband_norm = 2 * 4
    expected = RGB_TRUNK + STEM_PER_CHANNEL + gates + subband_norm + HEAD
    assert wa_model.count_params() == expected == 26_125_946


def test_plain_resnet50_has_23_6_million_parameters(plain_model: keras.Model) -> None:
    expected = RGB_TRUNK - 2 * STEM_PER_CHANNEL + 2 * 1 + HEAD
    assert plain_model.count_params() == expected == 23_585_540
    assert gates_of(plain_model) == []


def test_a_gate_follows_each_of_the_16_blocks(
    wa_model: keras.Model, ungrafted: keras.Model
) -> None:
    expected = {
        name: [source.replace("_out", "_se") for source in feeding]
        for name, feeding in sources(ungrafted).items()
    }
    for block in BLOCKS:
        expected[f"{block}_se"] = [f"{block}_out"]
    expected |= {
        "dwt": ["roi"],
        "subband_norm": ["dwt"],
        "conv1_pad": ["subband_norm"],
        "predictions": ["avg_pool"],
    }
    assert sources(wa_model) == expected
    assert [gate.name for gate in gates_of(wa_model)] == [f"{b}_se" for b in BLOCKS]


def test_without_gates_only_the_gates_are_missing(wa_model: keras.Model) -> None:
    options = {"graft": "none", "se_position": "none"}
    model = create_model("wa_resnet50", image_size=32, **options)
    assert gates_of(model) == []
    names = [layer.name for layer in wa_model.layers if not layer.name.endswith("_se")]
    assert [layer.name for layer in model.layers] == names


def test_before_add_the_gates_are_on_the_residual_branch(
    branch_gated: keras.Model, ungrafted: keras.Model
) -> None:
    expected = {
        name: [source.replace("_3_bn", "_se") for source in feeding]
        for name, feeding in sources(ungrafted).items()
    }
    for block in BLOCKS:
        expected[f"{block}_se"] = [f"{block}_3_bn"]
        shortcut, gated = expected[f"{block}_add"]
        assert gated == f"{block}_se"
        assert shortcut.endswith(("_0_bn", "_out", "pool1_pool"))
    expected |= {
        "subband_norm": ["subbands"],
        "conv1_pad": ["subband_norm"],
        "predictions": ["avg_pool"],
    }
    assert sources(branch_gated) == expected
    assert len(gates_of(branch_gated)) == 16


def test_layer_names_are_those_of_keras_applications_in_their_order(
    wa_model: keras.Model, plain_model: keras.Model, ungrafted: keras.Model
) -> None:
    theirs = [layer.name for layer in ungrafted.layers[1:]]
    names = [layer.name for layer in wa_model.layers]
    ours = {"roi", "dwt", "subband_norm", "predictions"} | {f"{b}_se" for b in BLOCKS}
    assert [name for name in names if name not in ours] == theirs
    names = [layer.name for layer in plain_model.layers]
    assert names == ["roi", "subband_norm", *theirs, "predictions"]


def test_at_224_the_last_map_is_4x4_read_literally_and_7x7_grafted_on_the_field(
    wa_model: keras.Model, half_model: keras.Model, plain_model: keras.Model
) -> None:
    assert map_of(wa_model) == (4, 4, 2048)
    assert map_of(half_model) == (7, 7, 2048)
    assert map_of(plain_model) == (7, 7, 2048)


def test_half_precision_ends_in_float32_and_starts_with_float32_subbands(
    half_model: keras.Model,
) -> None:
    assert half_model.output.dtype == "float32"
    assert half_model.get_layer("conv5_block3_3_conv").compute_dtype == "bfloat16"
    for name in ("dwt", "subband_norm"):
        assert half_model.get_layer(name).output.dtype == "float32"
    roi = np.random.default_rng(0).random((1, 224, 224, 1), "float32")
    probabilities = output(half_model, roi)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


def test_longer_wavelets_make_larger_subbands_in_the_pipeline_too(
    branch_gated: keras.Model, wa_on_subbands: keras.Model
) -> None:
    side = pywt.dwt_coeff_len(32, pywt.Wavelet("db2").dec_len, "symmetric")
    assert side == 17
    assert branch_gated.input.shape == (None, side, side, 4)
    assert wa_on_subbands.input.shape == (None, 112, 112, 4)


def test_se_ratio_reaches_the_gates(
    branch_gated: keras.Model, wa_model: keras.Model
) -> None:
    assert {gate.ratio for gate in gates_of(branch_gated)} == {8}
    assert {gate.ratio for gate in gates_of(wa_model)} == {16}


def test_bn_momentum_reaches_the_whole_trunk(
    branch_gated: keras.Model, wa_model: keras.Model
) -> None:
    for model, momentum in ((branch_gated, 0.9), (wa_model, 0.99)):
        norms = [layer for layer in model.layers if layer.name.endswith("_bn")]
        assert len(norms) == 53
        assert {layer.momentum for layer in norms} == {momentum}
        assert model.get_layer("subband_norm").momentum == 0.9  # Its own default.


@pytest.mark.parametrize(
    ("open_gates", "agree"), [(True, True), (False, False)], ids=["open", "as built"]
)
@pytest.mark.parametrize("position", ["after_block", "before_add"])
def test_with_open_gates_the_trunk_equals_the_ungrafted_one(
    position: str,
    open_gates: bool,
    agree: bool,
    wa_on_subbands: keras.Model,
    branch_gated: keras.Model,
    ungrafted: keras.Model,
) -> None:
    model = wa_on_subbands if position == "after_block" else branch_gated
    arrays = random_arrays(ungrafted)
    for layer in ungrafted.layers:
        weights = list(arrays[layer.name].values())
        layer.set_weights(weights)
        if weights:
            model.get_layer(layer.name).set_weights(weights)
    for gate in gates_of(model):
        bias = OPEN_GATE_BIAS if open_gates else gate.gate_bias
        gate.excite.kernel.assign(np.zeros(gate.excite.kernel.shape))
        gate.excite.bias.assign(np.full(gate.excite.bias.shape, bias))
    standardised = model.get_layer("subband_norm").output
    trunk = keras.Model(standardised, model.get_layer("avg_pool").output)
    bands = np.random.default_rng(1).normal(size=(2, *standardised.shape[1:]))
    found, wanted = output(trunk, bands), output(ungrafted, bands)

    assert 0.1 < wanted.std() < 10
    assert (np.abs(found - wanted).max() <= 1e-5) == agree


def test_zero_init_residual_starts_each_block_as_the_identity(
    branch_gated: keras.Model, wa_model: keras.Model
) -> None:
    for model, start in ((branch_gated, 0), (wa_model, 1)):
        for layer in model.layers:
            if layer.name.endswith("_bn"):
                wanted = start if layer.name.endswith("_3_bn") else 1
                initial = keras.ops.convert_to_numpy(layer.gamma_initializer((2,)))
                np.testing.assert_array_equal(initial, wanted, err_msg=layer.name)


def test_dwt_in_the_pipeline_or_in_the_model_gives_the_same_probabilities(
    wa_model: keras.Model, wa_on_subbands: keras.Model
) -> None:
    wa_on_subbands.set_weights(wa_model.get_weights())
    # Faint, so that the untrained normalisation does not drive the softmax to 0 and 1.
    rois = 0.03 * np.random.default_rng(0).random((3, 224, 224, 1), "float32")
    expected = output(wa_model, rois)
    assert np.ptp(expected[:, 1]) > 1e-3

    bands = keras.ops.convert_to_numpy(DWT2D(wavelet="haar")(rois))
    found = output(wa_on_subbands, bands)
    np.testing.assert_array_equal(found, expected)

    low, details = pywt.dwt2(rois[..., 0], "haar", axes=(1, 2))
    by_pywavelets = np.stack([low, *details], axis=-1)
    found = output(wa_on_subbands, by_pywavelets)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("dwt", ["model", "pipeline"])
def test_an_unknown_wavelet_suggests_the_nearest(dwt: str) -> None:
    with pytest.raises(UserError, match=r"'har'; did you mean 'haar'\?"):
        create_model("wa_resnet50", wavelet="har", dwt=dwt)


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("image_size", 30, "at least 32"),
        ("image_size", 33, "even number"),
        ("dwt", "layer", "'model', 'pipeline'"),
        ("graft", "fields", "'none', 'field', 'detail'"),
        ("se_position", "after", "'after_block', 'before_add'"),
        ("se_ratio", 0, "at least 1"),
        ("bn_momentum", 1.0, "at least 0 and below 1"),
        ("bn_momentum", -0.1, "at least 0"),
    ],
)
def test_a_value_out_of_range_names_the_option(
    option: str, value: object, expected: str
) -> None:
    pattern = rf"`{option}`.*{expected}.*Received: {value!r}$"
    with pytest.raises(UserError, match=pattern):
        create_model("wa_resnet50", **{option: value})


def test_the_stem_s_options_are_checked_without_a_graft() -> None:
    with pytest.raises(UserError, match=r"`stem_stride`.*1, 2.*Received: 0$"):
        create_model("wa_resnet50", graft="none", stem_stride=0)


@pytest.mark.parametrize(("graft", "stem"), [("field", 5 * 5), ("detail", 7 * 7)])
def test_a_graft_normalises_the_roi_and_has_the_trunk_of_the_literal_reading(
    graft: str, stem: int, wa_model: keras.Model
) -> None:
    model = create_model("wa_resnet50", image_size=32, graft=graft)
    feeding = sources(wa_model) | {
        "subband_norm": ["roi"],
        "dwt": ["subband_norm"],
        "conv1_pad": ["dwt"],
    }
    assert sources(model) == feeding
    fewer = (7 * 7 - stem) * 4 * 64 + 2 * 4 - 2
    assert model.count_params() == wa_model.count_params() - fewer


@pytest.mark.parametrize("wavelet", ["haar", "db2"])
def test_a_graft_takes_subbands_from_the_pipeline_too(wavelet: str) -> None:
    keras.utils.set_random_seed(0)
    options = {"image_size": 32, "wavelet": wavelet, "zero_init_residual": False}
    inside = create_model("dwt_resnet50", **options)
    outside = create_model("dwt_resnet50", dwt="pipeline", **options)
    inside.get_layer("subband_norm").set_weights([np.array([0.4]), np.array([0.03])])
    outside.set_weights(inside.get_weights())
    rois = np.random.default_rng(0).random((3, 32, 32, 1), "float32")
    bands = keras.ops.convert_to_numpy(DWT2D(wavelet=wavelet)(rois))
    expected = output(inside, rois)
    assert np.ptp(expected[:, 1]) > 1e-4
    np.testing.assert_allclose(output(outside, bands), expected, atol=1e-6)


@pytest.mark.parametrize(("weights", "start"), [(None, 0.0), ("file", 4.0)])
def test_gates_start_open_for_pretrained_features_alone(
    weights: str | None, start: float, legacy_file: Path
) -> None:
    source = str(legacy_file) if weights else None
    model = create_model("wa_resnet50", image_size=32, weights=source)
    assert {gate.gate_bias for gate in gates_of(model)} == {start}
