"""Wavelet attention against PyWavelets and SciPy."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import pywt
from scipy.special import softmax

from keras_wa.layers import WaveletAttention
from keras_wa.testing import run_layer_test


def random_map(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype("float32")


def by_pywavelets(x: np.ndarray, wavelet: str, mode: str) -> tuple:
    low, (horizontal, vertical, _) = pywt.dwt2(x, wavelet, mode, axes=(1, 2))
    return low + low * softmax(horizontal + vertical, axis=3), low


@pytest.mark.parametrize(
    ("wavelet", "mode"), [("haar", "symmetric"), ("db2", "periodization")]
)
@pytest.mark.parametrize("side", [8, 7])
def test_it_is_the_paper_s_block_on_pywavelets_subbands(
    wavelet: str, mode: str, side: int
) -> None:
    x = random_map(2, side, 6, 5)
    found = WaveletAttention(wavelet, mode)(x)
    for mine, wanted in zip(found, by_pywavelets(x, wavelet, mode), strict=True):
        np.testing.assert_allclose(mine, wanted, atol=1e-5)


def test_a_case_worked_by_hand() -> None:
    """Channel 0 is constant; channel 1 changes from row to row, its LH is ln 3."""
    edge = np.log(3) / 2
    x = np.zeros((1, 2, 2, 2), "float32")
    x[0, :, :, 0] = 1.0
    x[0, 0, :, 1] = edge
    x[0, 1, :, 1] = -edge
    attended, low = (keras.ops.convert_to_numpy(y) for y in WaveletAttention()(x))
    # LL is twice the mean; the details are 0 and ln 3: attention 1/4 and 3/4.
    np.testing.assert_allclose(low.ravel(), [2, 0], atol=1e-6)
    np.testing.assert_allclose(attended.ravel(), [2 * 1.25, 0], atol=1e-6)


def test_without_details_each_channel_gets_the_same_share() -> None:
    attended, low = WaveletAttention()(np.ones((1, 4, 4, 8), "float32"))
    np.testing.assert_allclose(attended, 1.125 * keras.ops.convert_to_numpy(low))


def test_the_diagonal_band_is_dropped() -> None:
    x = random_map(1, 4, 4, 3)
    checkered = np.array([[1.0, -1.0], [-1.0, 1.0]], "float32")
    noisy = x + 5 * np.tile(checkered, (2, 2))[None, :, :, None]
    layer = WaveletAttention()
    for mine, other in zip(layer(x), layer(noisy), strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-5)


def test_channels_first_equals_channels_last() -> None:
    x = random_map(2, 6, 4, 3)
    last = WaveletAttention(data_format="channels_last")(x)
    first = WaveletAttention(data_format="channels_first")(np.moveaxis(x, 3, 1))
    for mine, other in zip(first, last, strict=True):
        moved = np.moveaxis(keras.ops.convert_to_numpy(mine), 1, 3)
        np.testing.assert_allclose(moved, other, atol=1e-6)


@pytest.mark.parametrize(
    ("data_format", "shape", "out", "spatial"),
    [
        ("channels_last", (4, 6, 5, 8), (4, 3, 3, 8), (1, 2)),
        ("channels_first", (4, 8, 6, 5), (4, 8, 3, 3), (2, 3)),
    ],
)
def test_contract(data_format: str, shape: tuple, out: tuple, spatial: tuple) -> None:
    run_layer_test(
        WaveletAttention,
        {"wavelet": "haar", "mode": "symmetric", "data_format": data_format},
        shape,
        output_shape=[out, out],
        dynamic_axes=spatial,
    )
