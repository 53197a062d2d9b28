"""Pretrained weights reach every layer, and a file that cannot says why in one line."""

from __future__ import annotations

from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from keras_wa.layers import SqueezeExcite, SubbandNormalization
from keras_wa.models import load_pretrained
from keras_wa.models.donors import DENSENET121, IMAGENET_PIXEL_STD, RESNET50
from keras_wa.models.weights import adapt_stem_kernel
from tests.models.legacy_h5 import (
    Arrays,
    random_arrays,
    write_legacy_h5,
)
from tests.models.small_trunk import (
    assert_same_weights,
    filled,
    refusal,
    tiny,
)

# Keras itself converts its variables in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")

FILE_UTILS = "keras.src.utils.file_utils"


def assert_trunk(model: keras.Model, arrays: Arrays, channels: int) -> None:
    """Every layer of the trunk holds the arrays, the stem adapted by hand."""
    checked = 0
    for name, weights in arrays.items():
        wanted = dict(weights)
        if name == "predictions" or not wanted:
            continue
        if name == "conv1_conv":
            grey = sum(wanted["kernel"][:, :, colour] for colour in range(3)) * 57.6
            kernel = np.stack([grey / channels**0.5] * channels, axis=2)
            stem = model.get_layer(name)
            np.testing.assert_allclose(stem.kernel, kernel, rtol=1e-4, atol=1e-4)
            np.testing.assert_array_equal(stem.bias, wanted["bias"])
        else:
            assert_same_weights(model.get_layer(name), list(wanted.values()))
        checked += 1
    assert checked == 53 + 53


# The stem ---------------------------------------------------------------------------


def test_a_stem_kernel_worked_by_hand() -> None:
    kernel = np.array([1.0, 2, 3], "float32").reshape(1, 1, 3, 1)
    adapted = adapt_stem_kernel(kernel, 4)
    assert adapted.shape == (1, 1, 4, 1)
    assert adapted.dtype == np.float32
    np.testing.assert_allclose(adapted.ravel(), [(1 + 2 + 3) * 57.6 / 2] * 4, rtol=1e-6)


def test_the_scale_is_the_published_standard_deviation_of_imagenet() -> None:
    published = np.array([0.229, 0.224, 0.225]) * 255
    assert abs(IMAGENET_PIXEL_STD - published.mean()) < 0.05


def convolve(images: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    maps = keras.ops.conv(images.astype("float32"), kernel.astype("float32"))
    return keras.ops.convert_to_numpy(maps)


def test_a_standardised_grey_image_excites_the_stem_as_in_keras_applications() -> None:
    rng = np.random.default_rng(0)
    kernel = rng.normal(0, 0.05, (7, 7, 3, 6))
    grey = rng.uniform(0, 255, (1, 32, 32, 1)).astype("float32")
    theirs = convolve(
        keras.applications.resnet.preprocess_input(np.repeat(grey, 3, axis=-1)), kernel
    )
    ours = convolve((grey - 115) / IMAGENET_PIXEL_STD, adapt_stem_kernel(kernel, 1))
    # What is left is an offset a filter: they centre each colour on its own mean.
    offsets = kernel.sum(axis=(0, 1)).T @ (115 - np.array([103.939, 116.779, 123.68]))
    assert theirs.std() > 10
    np.testing.assert_allclose(theirs - ours - offsets, 0, atol=1e-3)


def test_four_uncorrelated_bands_excite_the_stem_as_strongly_as_one_image() -> None:
    rng = np.random.default_rng(0)
    kernel = rng.normal(0, 0.05, (7, 7, 3, 6))
    grey = rng.normal(0, IMAGENET_PIXEL_STD, (1, 200, 200, 1))
    bands = rng.normal(0, 1, (1, 200, 200, 4))
    one_image = convolve(np.repeat(grey, 3, axis=-1), kernel).std(axis=(0, 1, 2))
    four_bands = convolve(bands, adapt_stem_kernel(kernel, 4)).std(axis=(0, 1, 2))
    np.testing.assert_allclose(four_bands, one_image, rtol=0.05)


# ResNet-50's own files --------------------------------------------------------------


def test_a_legacy_file_fills_the_trunk_and_adapts_the_stem(
    wa_model: keras.Model, rgb_arrays: Arrays
) -> None:
    assert_trunk(wa_model, rgb_arrays, channels=4)


def test_layers_that_a_file_does_not_have_keep_their_start(
    wa_model: keras.Model,
) -> None:
    gates = [layer for layer in wa_model.layers if isinstance(layer, SqueezeExcite)]
    assert len(gates) == 16
    for gate in gates:
        np.testing.assert_array_equal(gate.excite.kernel, 0)
        np.testing.assert_array_equal(gate.excite.bias, gate.gate_bias)
    fresh = SubbandNormalization()
    fresh.build((None, 16, 16, 4))
    assert_same_weights(wa_model.get_layer("subband_norm"), fresh.get_weights())
    np.testing.assert_array_equal(wa_model.get_layer("predictions").bias, 0)


def test_a_legacy_file_with_top_fills_the_trunk_and_leaves_the_head(
    plain_model: keras.Model, rgb_arrays: Arrays, tmp_path: Path
) -> None:
    top = {"kernel": np.ones((2048, 1000), "float32"), "bias": np.ones(1000, "float32")}
    path = write_legacy_h5(tmp_path / "top.h5", {**rgb_arrays, "predictions": top})
    head = plain_model.get_layer("predictions").get_weights()
    load_pretrained(plain_model, path)
    assert_trunk(plain_model, rgb_arrays, channels=1)
    assert_same_weights(plain_model.get_layer("predictions"), head)


def test_imagenet_is_the_file_that_keras_applications_downloads(
    wa_on_subbands: keras.Model,
    legacy_file: Path,
    rgb_arrays: Arrays,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Keras reads the file itself: it is in keras.applications' format."""
    asked = []

    def get_file(name: str, origin: str, **kwargs: object) -> str:
        asked.append(name)
        return str(legacy_file)

    monkeypatch.setattr(f"{FILE_UTILS}.get_file", get_file)
    load_pretrained(wa_on_subbands, "imagenet")
    assert asked == ["resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"]
    assert_trunk(wa_on_subbands, rgb_arrays, channels=4)


# Other files, on a small model ------------------------------------------------------


@pytest.mark.parametrize("name", ["model.keras", "whole.h5", "same.weights.h5"])
def test_a_file_of_the_same_model_gives_every_weight_back(
    tmp_path: Path, name: str
) -> None:
    donor, model = filled(tiny()), tiny()
    if name == "same.weights.h5":
        donor.save_weights(tmp_path / name)
    else:
        donor.save(tmp_path / name)
    load_pretrained(model, tmp_path / name)
    for layer in donor.layers:
        assert_same_weights(model.get_layer(layer.name), layer.get_weights())


def test_a_keras_file_of_three_colours_and_other_classes_gives_all_but_its_head(
    tmp_path: Path,
) -> None:
    donor, model = filled(tiny(channels=3, classes=5)), tiny()
    donor.save(tmp_path / "donor.keras")
    head = model.get_layer("predictions").get_weights()
    load_pretrained(model, str(tmp_path / "donor.keras"))
    kernel, bias = donor.get_layer("conv1_conv").get_weights()
    stem = model.get_layer("conv1_conv")
    assert_same_weights(stem, [adapt_stem_kernel(kernel, 4), bias])
    for name in ("conv1_bn", "conv1_se"):
        assert_same_weights(model.get_layer(name), donor.get_layer(name).get_weights())
    assert_same_weights(model.get_layer("predictions"), head)


def test_a_whole_legacy_model_keeps_its_weights_in_a_group(tmp_path: Path) -> None:
    model = tiny()
    arrays = random_arrays(model)
    path = write_legacy_h5(tmp_path / "whole.h5", arrays, group="model_weights")
    load_pretrained(model, path)
    for name, weights in arrays.items():
        assert_same_weights(model.get_layer(name), list(weights.values()))


def test_each_trunk_of_several_has_a_prefix_and_a_scale_of_its_own(
    tmp_path: Path,
) -> None:
    def two_stems(channels: int) -> keras.Model:
        bands = keras.Input((8, 8, channels))
        maps = [
            keras.layers.Conv2D(2, 3, name=f"{prefix}_conv1_conv")(bands)
            for prefix in ("a", "b")
        ]
        return keras.Model(bands, keras.layers.Concatenate()(maps), name="two")

    donor, model = filled(two_stems(3)), two_stems(1)
    donor.save(tmp_path / "donor.keras")
    trunks = {"a_": RESNET50, "b_": DENSENET121}
    load_pretrained(model, tmp_path / "donor.keras", trunks)
    for prefix, scale in (("a", 57.6), ("b", 1.0)):
        name = f"{prefix}_conv1_conv"
        kernel, _ = donor.get_layer(name).get_weights()
        grey = scale * kernel.sum(axis=2, keepdims=True)
        found, _ = model.get_layer(name).get_weights()
        np.testing.assert_allclose(found, grey, rtol=1e-5, atol=1e-6)


def test_the_layers_of_the_trunk_that_were_filled_are_named(tmp_path: Path) -> None:
    model = tiny()
    write_legacy_h5(tmp_path / "w.h5", random_arrays(tiny(3), 1))
    load_pretrained(model, tmp_path / "w.h5")
    assert model.pretrained_layers == ("conv1_conv", "conv1_bn")
    other = tiny()
    model.save_weights(tmp_path / "own.weights.h5")
    load_pretrained(other, tmp_path / "own.weights.h5")
    assert other.pretrained_layers == ("conv1_conv", "conv1_bn")


def test_a_missing_file_says_what_to_give() -> None:
    assert refusal(tiny(), "gone.h5") == (
        "No such weights file: gone.h5. Give a .keras, .h5, .npz or .safetensors file, "
        "the folder of a pretraining or a run, 'hf://user/name', 'imagenet' or 'none'."
    )


@pytest.mark.parametrize(
    "content", [b"", b"not weights\nat all"], ids=["empty", "text"]
)
@pytest.mark.parametrize("name", ["x.h5", "x.weights.h5", "x.keras", "x.dat"])
def test_a_file_of_another_kind_is_refused(
    tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    message = refusal(tiny(), path)
    assert message.startswith(f"{path}: not weights that 'tiny' can take (")
    assert "Expected a .keras model" in message


@pytest.mark.parametrize("part", [0.5, 0.97])
@pytest.mark.parametrize("name", ["x.h5", "x.weights.h5", "x.keras"])
def test_a_truncated_file_is_refused(tmp_path: Path, name: str, part: float) -> None:
    path = tmp_path / name
    model = filled(tiny())
    save = model.save_weights if name == "x.weights.h5" else model.save
    save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    assert refusal(tiny(), path).startswith(f"{path}: not weights that 'tiny' can take")


def test_an_h5_file_without_layer_names_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        file["conv1_conv/conv1_conv/kernel:0"] = np.zeros((7, 7, 3, 8))
    assert "layer_names" in refusal(tiny(), path)


def test_a_file_that_lacks_a_layer_of_the_trunk_is_refused(tmp_path: Path) -> None:
    arrays = random_arrays(tiny())
    del arrays["conv1_bn"]
    path = write_legacy_h5(tmp_path / "part.h5", arrays)
    message = refusal(tiny(), path)
    assert message.startswith(f"{path}: 1 of the 2 layers with weights")
    assert "'conv1_bn'" in message


def test_a_layer_of_another_shape_is_refused(tmp_path: Path) -> None:
    path = write_legacy_h5(tmp_path / "wide.h5", random_arrays(tiny(filters=16)))
    message = refusal(tiny(), path)
    assert message.startswith(f"{path}: layer 'conv1_conv' does not fit 'tiny'")
    assert "(7, 7, 4, 16)" in message
    assert "(7, 7, 4, 8)" in message


def test_only_a_stem_of_three_colours_is_adapted(tmp_path: Path) -> None:
    path = write_legacy_h5(tmp_path / "bands.h5", random_arrays(tiny(channels=4)))
    assert "layer 'conv1_conv' does not fit" in refusal(tiny(channels=1), path)


def test_a_weights_h5_file_of_another_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide.weights.h5"
    tiny(filters=16).save_weights(path)
    assert refusal(tiny(), path).startswith(f"{path}: not weights that 'tiny' can take")
