"""The ROI, its subbands of one or two levels, and their normalisation."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import pywt

from keras_wa.errors import UserError
from keras_wa.models.stem import normalised, standardised_roi, standardised_subbands


def stem(subband_norm: str = "none", **changes: object) -> keras.Model:
    options = {"image_size": 32, "dwt": "model", "wavelet": "haar", "levels": 1}
    bands = standardised_subbands(**{**options, **changes}, subband_norm=subband_norm)
    (inputs,) = keras.utils.get_source_inputs(bands)
    return keras.Model(inputs, bands)


def images(size: int = 32) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.random((3, size, size, 1), "float32").cumsum(axis=1) / size


def call(model: keras.Model, x: np.ndarray, training: bool = False) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(x, training=training))


def test_one_level_is_pywavelets_dwt2() -> None:
    x = images()
    low, details = pywt.dwt2(x[..., 0], "haar", axes=(1, 2))
    wanted = np.stack([low, *details], axis=-1)
    np.testing.assert_allclose(call(stem(), x), wanted, atol=1e-5)


def test_two_levels_of_haar_repeat_the_coarser_bands_over_their_four_places() -> None:
    x = images()
    low, coarse, fine = pywt.wavedec2(x[..., 0], "haar", level=2, axes=(1, 2))
    repeated = [np.kron(band, np.ones((1, 2, 2))) for band in (low, *coarse)]
    wanted = np.stack([*repeated, *fine], axis=-1)
    found = call(stem(levels=2), x)
    assert found.shape == (3, 16, 16, 7)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("wavelet", ["haar", "db2", "sym4", "bior2.2"])
@pytest.mark.parametrize("size", [32, 34])
def test_a_bright_dot_lies_at_the_same_place_in_both_levels(
    wavelet: str, size: int
) -> None:
    x = np.zeros((1, size, size, 1), "float32")
    x[0, 18:20, 14:16] = 1
    bands = call(stem(wavelet=wavelet, levels=2, image_size=size), x)[0]
    one_level = call(stem(wavelet=wavelet, image_size=size), x)[0, ..., 0]
    assert bands.shape == (*one_level.shape, 7)

    def centre(band: np.ndarray) -> np.ndarray:
        weight = band**2
        grid = np.indices(band.shape).reshape(2, -1)
        return (grid * weight.ravel()).sum(axis=1) / weight.sum()

    np.testing.assert_allclose(centre(bands[..., 0]), centre(one_level), atol=1)


def test_each_band_is_standardised_by_itself() -> None:
    bands = call(stem("none"), images())
    found = call(stem("each"), images(), training=True)
    mean, variance = bands.mean(axis=(0, 1, 2)), bands.var(axis=(0, 1, 2))
    wanted = (bands - mean) / np.sqrt(variance + 1e-6)
    np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_shared_keeps_the_relative_scale_of_the_bands() -> None:
    bands = call(stem("none"), images())
    found = call(stem("shared"), images(), training=True)
    wanted = (bands - bands.mean()) / np.sqrt(bands.var() + 1e-6)
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    assert np.ptp(np.log(found.var(axis=(0, 1, 2)))) > 1


def test_none_leaves_the_bands_alone_and_has_no_layer() -> None:
    x = keras.Input((8, 8, 4))
    assert normalised(x, "none") is x


def test_every_norm_has_its_one_layer_of_the_same_name() -> None:
    for subband_norm, count in (("each", 4), ("shared", 1)):
        norm = stem(subband_norm).get_layer("subband_norm")
        assert norm.moving_mean.shape == (count,)


def test_under_half_precision_the_bands_are_float32() -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        found = [stem(norm, levels=2).output.dtype for norm in ("each", "shared")]
        roi = standardised_roi(32)[1].dtype
    finally:
        keras.config.set_dtype_policy("float32")
    assert [*found, roi] == ["float32"] * 3


def test_two_levels_need_the_transform_in_the_model() -> None:
    with pytest.raises(UserError, match=r"`levels`.*Received: dwt='pipeline'"):
        stem(dwt="pipeline", levels=2)


@pytest.mark.parametrize(
    ("option", "value"), [("levels", 3), ("subband_norm", "all"), ("image_size", 33)]
)
def test_a_value_out_of_range_names_the_option(option: str, value: object) -> None:
    with pytest.raises(UserError, match=rf"`{option}`.*Received: {value!r}$"):
        stem(**{option: value})  # type: ignore[arg-type]
