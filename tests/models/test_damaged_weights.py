"""Values that no network computes with are refused, and nothing is half loaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.models.legacy_h5 import random_arrays, write_legacy_h5, write_npz
from tests.models.small_trunk import filled, tiny, trunk_of, unchanged_refusal


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
@pytest.mark.parametrize("dtype", ["int64", "complex64", "S3", "bool"])
def test_an_array_of_no_floating_point_numbers_is_refused(
    tmp_path: Path, dtype: str, suffix: str
) -> None:
    arrays = trunk_of(random_arrays(tiny()))
    arrays["conv1_bn"]["gamma"] = np.ones(8).astype(dtype)
    write = write_npz if suffix == ".npz" else write_legacy_h5
    message = unchanged_refusal(write(tmp_path / f"donor{suffix}", arrays))
    assert "conv1_bn/gamma is not of floating-point numbers. Received:" in message


def overflowed(array: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return (array + 7e4).astype("float16")


BAD_VALUES = {
    "NaN": ("conv1_conv", "kernel", lambda a: np.where(a == a.max(), np.nan, a), 1),
    "infinite": ("conv1_bn", "gamma", lambda a: a / np.zeros_like(a), 8),
    "float16": ("conv1_conv", "bias", overflowed, 8),
    "float64": ("conv1_bn", "beta", lambda a: 1e300 + a.astype("float64"), 8),
    "negative": ("conv1_bn", "moving_variance", lambda a: -a, 8),
}


@pytest.mark.parametrize("kind", BAD_VALUES)
@pytest.mark.parametrize("suffix", [".npz", ".h5"])
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_values_that_no_network_computes_with_are_refused(
    tmp_path: Path, kind: str, suffix: str
) -> None:
    layer, weight, spoil, count = BAD_VALUES[kind]
    arrays = trunk_of(random_arrays(tiny()))
    arrays[layer][weight] = spoil(arrays[layer][weight])
    write = write_npz if suffix == ".npz" else write_legacy_h5
    message = unchanged_refusal(write(tmp_path / f"donor{suffix}", arrays))
    assert f"{layer}/{weight} is damaged. Received: {count} of" in message


def test_a_weights_h5_file_with_nan_changes_nothing(tmp_path: Path) -> None:
    donor = filled(tiny())
    donor.get_layer("conv1_se").excite.bias.assign(np.full(8, np.nan))
    donor.save_weights(tmp_path / "same.weights.h5")
    message = unchanged_refusal(tmp_path / "same.weights.h5")
    assert "conv1_se/bias is damaged. Received: 8 of 8 values NaN" in message
