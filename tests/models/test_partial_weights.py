"""Sources of a part of the trunk fill whole stages and say which."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from keras_wa.models import load_pretrained
from tests.models.legacy_h5 import Arrays, random_arrays, write_legacy_h5, write_npz
from tests.models.small_trunk import (
    assert_same_weights,
    filled,
    refusal,
    trunk_of,
    two_stages,
)


def saved(path: Path, arrays: Arrays) -> Path:
    """The arrays of the first stage of `two_stages`, in the format of the name."""
    if path.suffix == ".npz":
        return write_npz(path, arrays)
    if path.suffix == ".h5":
        return write_legacy_h5(path, arrays)
    whole = filled(two_stages())
    part = keras.Model(whole.input, whole.get_layer("conv1_bn").output)
    for name, weights in arrays.items():
        part.get_layer(name).set_weights(list(weights.values()))
    part.save(path)
    return path


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".keras"])
def test_a_part_of_a_trunk_is_taken_and_the_stages_that_it_lacks_are_named(
    tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    arrays = random_arrays(two_stages())
    part = {name: arrays[name] for name in ("conv1_conv", "conv1_bn")}
    path = saved(tmp_path / f"part{suffix}", part)
    model = two_stages()
    start = [
        model.get_layer(f"conv2_block1_1_{k}").get_weights() for k in ("conv", "bn")
    ]
    load_pretrained(model, path)
    for name, weights in part.items():
        assert_same_weights(model.get_layer(name), list(weights.values()))
    for kind, weights in zip(("conv", "bn"), start, strict=True):
        assert_same_weights(model.get_layer(f"conv2_block1_1_{kind}"), weights)
    assert caplog.messages == [
        f"{path}: weights for a part of the trunk. Filled: conv1. Not in the source, "
        "at their initial weights: conv2 (2 layers)."
    ]


def test_a_whole_trunk_is_nothing_to_warn_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    arrays = random_arrays(two_stages())
    load_pretrained(two_stages(), write_npz(tmp_path / "whole.npz", trunk_of(arrays)))
    assert caplog.messages == []


def test_a_file_that_has_nothing_of_the_trunk_is_refused(tmp_path: Path) -> None:
    arrays = {"block1_conv1": {"kernel": np.zeros((3, 3, 3, 64), "float32")}}
    message = refusal(two_stages(), write_npz(tmp_path / "vgg.npz", arrays))
    assert "4 of the 4 layers with weights of the trunk are missing" in message
