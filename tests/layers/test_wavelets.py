"""Tests of the parts that both directions of the wavelet transform share."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import pywt

from keras_wa.errors import UserError
from keras_wa.layers import wavelets

DISCRETE = pywt.wavelist(kind="discrete")
NUMPY_MODE = {
    "symmetric": "symmetric",
    "reflect": "reflect",
    "zero": "constant",
    "periodic": "wrap",
}


def numpy_of(tensor):
    return keras.ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("wavelet", DISCRETE)
def test_every_filter_bank_is_that_of_pywavelets(wavelet):
    bank = wavelets.filter_bank(wavelet)
    np.testing.assert_array_equal(bank, pywt.Wavelet(wavelet).filter_bank)
    assert bank.taps == pywt.Wavelet(wavelet).dec_len
    # Both directions split the filters into an even and an odd half.
    assert bank.taps % 2 == 0


def test_an_unknown_wavelet_is_refused_with_the_nearest_name():
    with pytest.raises(UserError, match=r"wavelet\. Received: 'harr'.*'haar'"):
        wavelets.filter_bank("harr")


def test_a_continuous_wavelet_is_refused():
    with pytest.raises(UserError, match="Received: 'morl'"):
        wavelets.filter_bank("morl")


def test_known_modes_pass_and_an_unknown_one_is_refused():
    assert [wavelets.check_mode(mode) for mode in wavelets.MODES] == [*wavelets.MODES]
    with pytest.raises(UserError, match=r"mode\. Received: 'symetric'.*'symmetric'"):
        wavelets.check_mode("symetric")


def test_axes_follow_the_data_format():
    assert wavelets.spatial_axes("channels_last") == ("channels_last", 1, 3)
    assert wavelets.spatial_axes("channels_first") == ("channels_first", 2, 1)
    assert wavelets.spatial_axes(None)[0] == keras.config.image_data_format()
    with pytest.raises(ValueError, match="Received: 'channels_middle'"):
        wavelets.spatial_axes("channels_middle")


@pytest.mark.parametrize("mode", wavelets.MODES)
def test_band_sizes_are_those_of_pywavelets(mode):
    for taps in (2, 4, 10, 102):
        found = [wavelets.band_size(size, taps, mode) for size in range(1, 40)]
        assert found == [pywt.dwt_coeff_len(n, taps, mode) for n in range(1, 40)]
        assert wavelets.band_size(None, taps, mode) is None


@pytest.mark.parametrize("mode", NUMPY_MODE)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_extension_is_that_of_numpy_however_long_it_is(mode, size):
    x = np.random.default_rng(size).random((2, size, 3))
    for before, after in [(0, 0), (0, 1), (1, 0), (2, 3), (7, 20)]:
        padding = [(0, 0), (before, after), (0, 0)]
        expected = np.pad(x, padding, mode=NUMPY_MODE[mode])
        found = wavelets.extend(keras.ops.convert_to_tensor(x), 1, before, after, mode)
        np.testing.assert_array_equal(numpy_of(found), expected)


@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_periodization_repeats_the_last_sample_of_an_odd_signal(size):
    x = np.arange(1.0, size + 1)
    period = np.append(x, x[-1]) if size % 2 else x
    expected = np.concatenate([np.resize(period[::-1], 5)[::-1], x])
    expected = np.append(expected, np.resize(np.roll(period, -size), 6))
    tensor = keras.ops.convert_to_tensor(x)
    found = wavelets.extend(tensor, 0, 5, 6, "periodization")
    np.testing.assert_array_equal(numpy_of(found), expected)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_interleaving_undoes_deinterleaving(axis):
    x = np.random.default_rng(axis).random((4, 6, 8))
    even, odd = wavelets.deinterleave(keras.ops.convert_to_tensor(x), axis)
    np.testing.assert_array_equal(even, x.take(range(0, x.shape[axis], 2), axis))
    np.testing.assert_array_equal(odd, x.take(range(1, x.shape[axis], 2), axis))
    np.testing.assert_array_equal(wavelets.interleave(even, odd, axis), x)


def test_a_weighted_sum_of_shifted_windows_is_a_correlation():
    x, weights = np.arange(10.0) ** 2, [0.5, 0.0, -2.0]
    windows = wavelets.shifted(keras.ops.convert_to_tensor(x), 0, 3)
    np.testing.assert_allclose(
        wavelets.weighted_sum(windows, weights), np.correlate(x, weights, "valid")
    )
