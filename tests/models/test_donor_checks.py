"""What fits by its shape but means something else is named, in one line each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_wa.layers import SqueezeExcite
from keras_wa.models import load_pretrained
from keras_wa.models.exact_stem import subband_stem
from keras_wa.models.stem import (
    standardised_roi,
    standardised_subbands,
    subbands_of_standardised,
)
from tests.models.legacy_h5 import random_arrays, write_legacy_h5, write_npz
from tests.models.small_trunk import assert_same_weights, filled, tiny, trunk_of


def on(features: keras.KerasTensor, kernel: int = 5) -> keras.Model:
    """A normalised stem of two filters on what stands before a trunk."""
    x = keras.layers.ZeroPadding2D(kernel // 2, name="conv1_pad")(features)
    x = keras.layers.Conv2D(2, kernel, name="conv1_conv")(x)
    x = keras.layers.BatchNormalization(name="conv1_bn")(x)
    (inputs,) = keras.utils.get_source_inputs(features)
    return keras.Model(inputs, x, name="small")


def subbands(
    norm: str = "each", wavelet: str = "haar", dwt: str = "model", size: int = 32
) -> keras.Model:
    return on(standardised_subbands(size, dwt, wavelet, 1, norm))


def grafted(size: int = 32, wavelet: str = "haar") -> keras.Model:
    return on(subbands_of_standardised(size, "model", wavelet))


def plain(size: int = 32) -> keras.Model:
    return on(standardised_roi(size)[1], kernel=7)


Build = Callable[[], keras.Model]

ROI = "1-channel input"
ROI_NORM = f"{ROI}, SubbandNormalization"
BANDS = f"{ROI}, DWT2D of haar"
AS_ONE = f"{BANDS}, Reshape"


def loaded(donor: keras.Model, model: keras.Model, path: Path) -> keras.layers.Layer:
    """The normalisation of a model that is filled with the saved donor."""
    filled(donor).save(path)
    load_pretrained(model, path)
    assert_same_weights(
        model.get_layer("conv1_bn"), donor.get_layer("conv1_bn").get_weights()
    )
    return model.get_layer("subband_norm")


# Statistics of a normalisation ------------------------------------------------------


@pytest.mark.parametrize(
    ("donor", "model"),
    [
        (plain, partial(plain, 48)),
        (grafted, partial(grafted, 48)),
        (subbands, partial(subbands, size=48)),
        (partial(subbands, "shared"), partial(subbands, "shared", size=48)),
        (partial(subbands, dwt="pipeline"), partial(subbands, dwt="pipeline")),
    ],
    ids=["ROI", "graft", "each", "shared", "pipeline"],
)
def test_statistics_of_the_same_inputs_are_taken_whatever_their_size(
    donor: Build,
    model: Build,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    trained, small = donor(), model()
    norm = loaded(trained, small, tmp_path / "donor.keras")
    assert_same_weights(norm, trained.get_layer("subband_norm").get_weights())
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("donor", "model", "theirs", "ours"),
    [
        (partial(subbands, "shared"), grafted, AS_ONE, ROI),
        (grafted, partial(subbands, "shared"), ROI, AS_ONE),
        (subbands, grafted, BANDS, ROI),
        (partial(subbands, wavelet="db2"), subbands, f"{ROI}, DWT2D of db2", BANDS),
        (partial(subbands, dwt="pipeline"), subbands, "4-channel input", BANDS),
    ],
)
def test_statistics_of_other_inputs_are_left_out_with_a_note(
    donor: Build,
    model: Build,
    theirs: str,
    ours: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    small = model()
    start = small.get_layer("subband_norm").get_weights()
    path = tmp_path / "donor.keras"
    assert_same_weights(loaded(donor(), small, path), start)
    assert caplog.messages[0] == (
        f"{path}: the statistics of 'subband_norm' are left out. They are of: "
        f"{theirs}; here of: {ours}."
    )


@pytest.mark.parametrize("write", [write_npz, write_legacy_h5])
def test_statistics_that_do_not_say_of_what_they_are_are_left_out(
    write: Callable, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = plain()
    start = model.get_layer("subband_norm").get_weights()
    suffix = "npz" if write is write_npz else "h5"
    path = write(tmp_path / f"donor.{suffix}", random_arrays(model))
    load_pretrained(model, path)
    assert_same_weights(model.get_layer("subband_norm"), start)
    assert caplog.messages == [
        f"{path}: the statistics of 'subband_norm' are left out. They are of: unknown "
        f"inputs; here of: {ROI}."
    ]


# The stem ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("donor", "model", "theirs", "ours"),
    [
        (subbands, grafted, f"{BANDS}, SubbandNormalization", f"{ROI_NORM}, DWT2D"),
        (partial(subbands, "none"), subbands, BANDS, f"{BANDS}, SubbandNormalization"),
        (
            partial(grafted, wavelet="sym2"),
            partial(grafted, wavelet="db2"),
            f"{ROI_NORM}, DWT2D of sym2",
            f"{ROI_NORM}, DWT2D of db2",
        ),
    ],
)
def test_a_stem_of_other_inputs_is_taken_with_a_warning(
    donor: Build,
    model: Build,
    theirs: str,
    ours: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = tmp_path / "donor.keras"
    trained, small = filled(donor()), model()
    trained.save(path)
    load_pretrained(small, path)
    assert_same_weights(
        small.get_layer("conv1_conv"), trained.get_layer("conv1_conv").get_weights()
    )
    start = (
        f"{path}: the kernel of 'conv1_conv' was trained on other inputs. There: "
        f"{theirs}; here: {ours}"
    )
    assert caplog.messages[-1].startswith(start)


@pytest.mark.parametrize("standardised", [True, False])
def test_a_grey_donor_of_a_graft_needs_a_standardised_roi(
    standardised: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    donor = plain() if standardised else on(keras.Input((32, 32, 1)), kernel=7)
    path = tmp_path / "grey.keras"
    filled(donor).save(path)
    load_pretrained(
        grafted(), path, convert_stem=lambda kernel: subband_stem(kernel, "haar")
    )
    note = (
        f"{path}: the kernel of 'conv1_conv' was trained on other inputs. There: "
        f"{ROI}; here: {ROI_NORM}."
    )
    assert caplog.messages == ([] if standardised else [note])


# Gates ------------------------------------------------------------------------------


def gated(position: str) -> keras.Model:
    """A stem and a block with a gate at one of the places of `se_position`."""
    x = bands = keras.Input((8, 8, 4), name="bands")
    x = keras.layers.Conv2D(4, 1, name="conv1_conv")(x)
    y = keras.layers.BatchNormalization(name="conv1_bn")(x)
    gate = SqueezeExcite(ratio=2, name="conv1_block1_se")
    if position == "before_add":
        y = gate(y)
    x = keras.layers.Add(name="conv1_block1_add")([x, y])
    x = keras.layers.Activation("relu", name="conv1_block1_out")(x)
    return keras.Model(bands, gate(x) if position == "after_block" else x, name="small")


@pytest.mark.parametrize("theirs", ["after_block", "before_add"])
@pytest.mark.parametrize("ours", ["after_block", "before_add"])
def test_gates_of_another_place_are_left_out_with_a_note(
    theirs: str, ours: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    donor, model = filled(gated(theirs)), gated(ours)
    path = tmp_path / "donor.keras"
    donor.save(path)
    load_pretrained(model, path)
    gate = model.get_layer("conv1_block1_se")
    if theirs == ours:
        assert_same_weights(gate, donor.get_layer(gate.name).get_weights())
        assert caplog.messages == []
    else:
        np.testing.assert_array_equal(gate.excite.bias, gate.gate_bias)
        assert caplog.messages == [
            f"{path}: the gates are left out, since se_position is different there. "
            "They are 1, the first is 'conv1_block1_se'."
        ]


# Strides ----------------------------------------------------------------------------


def strided(stride_on: str) -> keras.Model:
    """A stem and the first two convolutions of ResNet-50's third stage."""
    x = bands = keras.Input((8, 8, 4), name="bands")
    strides = {"1x1": (2, 1), "3x3": (1, 2), "neither": (1, 1)}[stride_on]
    names = ("conv1", "conv3_block1_1", "conv3_block1_2")
    for name, stride in zip(names, (1, *strides), strict=True):
        x = keras.layers.Conv2D(3, 1, strides=stride, name=f"{name}_conv")(x)
        x = keras.layers.BatchNormalization(name=f"{name}_bn")(x)
    return keras.Model(bands, x, name="small")


@pytest.mark.parametrize("suffix", [".keras", ".npz", ".h5"])
@pytest.mark.parametrize("ours", ["1x1", "3x3"])
@pytest.mark.parametrize("theirs", ["1x1", "3x3", "neither"])
def test_strides_in_other_places_are_named_and_names_of_keras_mean_the_first(
    theirs: str,
    ours: str,
    suffix: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    donor, path = filled(strided(theirs)), tmp_path / f"donor{suffix}"
    if suffix == ".keras":
        donor.save(path)
    else:
        write = write_npz if suffix == ".npz" else write_legacy_h5
        write(path, random_arrays(donor))
        theirs = "1x1"
    load_pretrained(strided(ours), path)
    assert len(caplog.messages) == (theirs != ours)
    for message in caplog.messages:
        assert message.startswith(f"{path}: the weights are of a ResNet-50 with ")
        assert f"stride_on={theirs!r}" in message
        assert message.endswith(f"and give other features in one with {ours!r}.")


def test_strides_of_stages_that_are_not_filled_do_not_matter(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    arrays = random_arrays(strided("3x3"))
    part = {name: arrays[name] for name in ("conv1_conv", "conv1_bn")}
    load_pretrained(strided("3x3"), write_npz(tmp_path / "part.npz", part))
    assert len(caplog.messages) == 1
    assert "weights for a part of the trunk" in caplog.messages[0]


# Layers that the model lacks --------------------------------------------------------


@pytest.mark.parametrize("write", [write_npz, write_legacy_h5])
def test_layers_that_the_model_lacks_are_counted(
    write: Callable, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    arrays = trunk_of(random_arrays(tiny()))
    extra = {
        name: {"kernel": np.zeros((1, 1, 2, 2), "float32")}
        for name in ("conv9_block1_1_conv", "avg_pool", "fc", "probs", "predictions")
    }
    suffix = "npz" if write is write_npz else "h5"
    path = write(tmp_path / f"donor.{suffix}", {**arrays, **extra})
    load_pretrained(tiny(), path)
    assert caplog.messages == [
        f"{path}: layers that 'tiny' lacks are left out. They are 2, the first is "
        "'conv9_block1_1_conv'."
    ]
