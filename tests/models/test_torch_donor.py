"""A ResNet-50 of PyTorch gives here what it gives there, or is refused."""

from __future__ import annotations

import json
import logging
import pickle
from pathlib import Path

import keras
import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from keras_wa.models import create_model, load_pretrained
from keras_wa.models.torch_donor import read_safetensors
from tests.models.small_trunk import (
    assert_same_weights,
    tiny,
    two_stages,
    unchanged_refusal,
)
from tests.models.test_donors import Bomb
from tests.models.torch_resnet50 import State, feature_maps, random_state

SIDE = 64
ROI_MEAN, ROI_VARIANCE = 0.4, 0.03
MAPS = (
    "conv1_conv",
    "conv2_block3_out",
    "conv3_block4_out",
    "conv4_block6_out",
    "conv5_block3_out",
)


def write(path: Path, state: State) -> Path:
    save_file({name: np.ascontiguousarray(a) for name, a in state.items()}, path)
    return path


# The whole network ------------------------------------------------------------------


@pytest.fixture(scope="module")
def state() -> State:
    return random_state()


@pytest.fixture(scope="module")
def whole(state: State, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("torch") / "resnet50.safetensors", state)


def pretrained(name: str, whole: Path, **options: object) -> keras.Model:
    """A model with the weights, for ROIs of one mean and variance."""
    model = create_model(name, image_size=SIDE, weights=str(whole), **options)
    norm = model.get_layer("subband_norm")
    norm.moving_mean.assign([ROI_MEAN])
    norm.moving_variance.assign([ROI_VARIANCE])
    return model


def rois() -> np.ndarray:
    return np.random.default_rng(0).random((2, SIDE, SIDE, 1), "float32")


@pytest.fixture(scope="module")
def wanted(state: State) -> list[np.ndarray]:
    """PyTorch's maps of the standardised ROIs, grey in all three colours."""
    grey = (rois().astype("float64") - ROI_MEAN) / np.sqrt(ROI_VARIANCE + 1e-6)
    return feature_maps(grey.repeat(3, axis=-1).transpose(0, 3, 1, 2), state)


def differences(model: keras.Model, wanted: list[np.ndarray]) -> list[float]:
    """The largest difference of each of `MAPS`, of the largest value there."""
    outputs = [model.get_layer(name).output for name in MAPS]
    found = keras.Model(model.input, outputs)(rois(), training=False)
    differences = []
    for ours, theirs in zip(found, wanted, strict=True):
        theirs = theirs.transpose(0, 2, 3, 1)
        ours = keras.ops.convert_to_numpy(ours)
        assert ours.shape == theirs.shape
        differences.append(float(np.abs(ours - theirs).max() / np.abs(theirs).max()))
    return differences


@pytest.mark.parametrize(
    ("name", "options"),
    [("resnet50", {}), ("dwt_resnet50", {"graft": "field"})],
)
def test_every_stage_gives_pytorch_s_features(
    name: str,
    options: dict,
    whole: Path,
    wanted: list[np.ndarray],
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = pretrained(name, whole, stride_on="3x3", **options)
    assert caplog.messages == []
    assert max(differences(model, wanted)) <= 1e-5


def test_with_strides_in_other_places_the_features_are_others_and_a_warning_says_so(
    whole: Path, wanted: list[np.ndarray], caplog: pytest.LogCaptureFixture
) -> None:
    found = differences(pretrained("resnet50", whole), wanted)
    assert max(found[:2]) <= 1e-5
    assert min(found[2:]) > 0.05
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert caplog.messages == [
        f"{whole}: the weights are of a ResNet-50 with stride_on='3x3' (ResNet v1.5, "
        "as in torchvision and timm) and give other features in one with '1x1'."
    ]


# Its names, on a small model --------------------------------------------------------


def stem(seed: int = 0) -> State:
    """Of `tiny`: `conv1` and `bn1` with 8 filters."""
    return random_state(layers=0, filters=8, seed=seed)


def test_kernels_are_turned_and_get_a_bias_of_zeros(tmp_path: Path) -> None:
    state = stem()
    model = tiny()
    load_pretrained(model, write(tmp_path / "stem.safetensors", state))
    kernel, bias = model.get_layer("conv1_conv").get_weights()
    grey = state["conv1.weight"].astype("float64").sum(axis=1)
    for channel in range(4):
        found = kernel[:, :, channel].transpose(2, 0, 1)
        np.testing.assert_allclose(found, grey / 2, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(bias, 0)


def test_a_normalisation_gives_what_it_gave_for_the_smallest_variance(
    tmp_path: Path,
) -> None:
    state = stem()
    variance = np.array([0, 1e-12, 1e-8, 1e-6, 1e-5, 1e-3, 1, 100], "float32")
    state["bn1.running_var"] = variance
    path = write(tmp_path / "stem.safetensors", state)
    gamma, beta, mean, kept = read_safetensors(path)["conv1_bn"]
    wide = variance.astype("float64")
    ours = gamma / np.sqrt(wide + 1.001e-5)
    np.testing.assert_allclose(
        ours, state["bn1.weight"] / np.sqrt(wide + 1e-5), rtol=1e-6
    )
    np.testing.assert_array_equal(beta, state["bn1.bias"])
    np.testing.assert_array_equal(mean, state["bn1.running_mean"])
    np.testing.assert_array_equal(kept, variance)


@pytest.mark.parametrize(("classes", "taken"), [(2, True), (1000, False)])
def test_a_head_is_taken_where_it_fits_without_a_word(
    classes: int, taken: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rng = np.random.default_rng(0)
    weight = rng.random((classes, 8), "float32")
    bias = rng.random(classes, "float32")
    state = {**stem(), "fc.weight": weight, "fc.bias": bias}
    model = tiny()
    before = model.get_layer("predictions").get_weights()
    load_pretrained(model, write(tmp_path / "head.safetensors", state))
    wanted = [weight.T, bias] if taken else before
    assert_same_weights(model.get_layer("predictions"), wanted)
    assert caplog.messages == []


def test_bfloat16_is_read(tmp_path: Path) -> None:
    state = stem()
    half = {n: a.astype(ml_dtypes.bfloat16) for n, a in state.items()}
    model = tiny()
    load_pretrained(model, write(tmp_path / "half.safetensors", half))
    _, beta, mean, variance = model.get_layer("conv1_bn").get_weights()
    for found, name in (
        (beta, "bias"),
        (mean, "running_mean"),
        (variance, "running_var"),
    ):
        np.testing.assert_array_equal(found, half[f"bn1.{name}"].astype("float32"))


def test_whole_stages_are_taken_and_the_others_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = random_state(layers=0, filters=3)
    state["conv1.weight"] = state["conv1.weight"][:, :, :3, :3]
    path = write(tmp_path / "part.safetensors", state)
    model = two_stages()
    load_pretrained(model, path)
    beta = model.get_layer("conv1_bn").get_weights()[1]
    np.testing.assert_array_equal(beta, state["bn1.bias"])
    assert caplog.messages == [
        f"{path}: weights for a part of the trunk. Filled: conv1. Not in the source, "
        "at their initial weights: conv2 (2 layers)."
    ]


@pytest.mark.parametrize(
    "name",
    [
        "layer3.6.conv1.weight",  # ResNet-101
        "conv1.0.weight",  # ResNet-50-D
        "layer1.0.se.fc1.weight",  # SE-ResNet-50
        "features.0.weight",  # VGG
        "module.conv1.weight",
        "conv1.bias",
    ],
)
def test_another_network_is_refused(tmp_path: Path, name: str) -> None:
    state = {**stem(), name: np.zeros(3, "float32")}
    message = unchanged_refusal(write(tmp_path / "other.safetensors", state))
    assert "not a plain ResNet-50 of torchvision or timm" in message
    assert f"an array {name!r}; expected names such as 'conv1.weight'" in message


@pytest.mark.parametrize("key", ["weight", "bias", "running_mean", "running_var"])
def test_a_normalisation_that_lacks_an_array_is_refused(
    tmp_path: Path, key: str
) -> None:
    state = stem()
    del state[f"bn1.{key}"]
    message = unchanged_refusal(write(tmp_path / "part.safetensors", state))
    assert f"'bn1.{key}' is missing. Expected all of: bn1.weight, bn1.bias" in message


def test_a_part_of_a_stage_is_refused(tmp_path: Path) -> None:
    state = {"conv1.weight": stem()["conv1.weight"]}
    message = unchanged_refusal(write(tmp_path / "part.safetensors", state))
    assert "1 of the 2 layers" in message
    assert "the first is 'conv1_bn'" in message


@pytest.mark.parametrize(
    ("name", "shape"),
    [("conv1.weight", (8, 3, 5, 5)), ("conv1.weight", (8,)), ("bn1.weight", (9,))],
)
def test_another_shape_is_refused(
    tmp_path: Path, name: str, shape: tuple[int, ...]
) -> None:
    state = {**stem(), name: np.ones(shape, "float32")}
    message = unchanged_refusal(write(tmp_path / "wide.safetensors", state))
    layer = "conv1_conv" if name == "conv1.weight" else "conv1_bn"
    assert f"layer {layer!r} does not fit 'tiny'. Received: shapes" in message


# Damaged files ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "dtype", "told"),
    [
        ("conv1.weight", np.nan, "float32", "conv1_conv/kernel is damaged"),
        ("conv1.weight", np.inf, "float16", "conv1_conv/kernel is damaged"),
        ("bn1.weight", np.inf, ml_dtypes.bfloat16, "conv1_bn/gamma is damaged"),
        ("bn1.running_var", np.nan, "float32", "conv1_bn/moving_variance is damaged"),
        ("bn1.running_var", -1, "float32", "conv1_bn/moving_variance is damaged"),
        ("bn1.bias", 1, "int64", "conv1_bn/beta is not of floating-point numbers"),
        ("bn1.weight", 1e300, "float64", "conv1_bn/gamma is damaged"),
    ],
)
def test_values_that_no_network_computes_with_are_refused(
    tmp_path: Path, name: str, value: float, dtype: object, told: str
) -> None:
    state = stem()
    state[name] = np.full(state[name].shape, value).astype(dtype)
    message = unchanged_refusal(write(tmp_path / "bad.safetensors", state))
    assert told in message


@pytest.mark.parametrize("part", [0, 0.001, 0.3, 0.999])
def test_a_truncated_file_is_refused(tmp_path: Path, part: float) -> None:
    path = write(tmp_path / "stem.safetensors", stem())
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    assert "not weights that 'tiny' can take (" in unchanged_refusal(path)


def described(shape: list[int], end: int) -> dict:
    return {"conv1.weight": {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}}


@pytest.mark.parametrize(
    ("header", "length"),
    [
        (described([8, 3, 7, 7], 4704), 2**62),
        (described([8, 3, 7, 7], 4704), 10**8 - 1),
        (described([10**9, 10**9], 64), None),
        (described([4, 4], 10**15), None),
        (described([2**40, 2**40], 2**63), None),
        ({"conv1.weight": None}, None),
        ([1, 2], None),
    ],
)
def test_a_header_that_lies_is_refused(
    tmp_path: Path, header: object, length: int | None
) -> None:
    text = json.dumps(header).encode()
    path = tmp_path / "liar.safetensors"
    start = (len(text) if length is None else length).to_bytes(8, "little")
    path.write_bytes(start + text + bytes(64))
    assert "not weights that 'tiny' can take (" in unchanged_refusal(path)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin", ".safetensors"])
def test_a_pickle_is_never_unpickled(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(pickle.dumps(Bomb()))
    message = unchanged_refusal(path)
    told = "not weights" if suffix == ".safetensors" else "Convert it to .safetensors"
    assert told in message
