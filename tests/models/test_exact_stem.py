"""A kernel on subbands gives the map that the original gives on pixels."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import pywt

from keras_wa.errors import UserError
from keras_wa.models.exact_stem import average_stem, subband_stem


def random_kernel(filters: int = 5) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(7, 7, 1, filters))


def brute_force(
    x: np.ndarray, kernel: np.ndarray, padding: int, stride: int
) -> np.ndarray:
    """A convolution by its definition: `x` is `(height, width, channels)`."""
    side = len(kernel)
    x = np.pad(x, ((padding, padding), (padding, padding), (0, 0)))
    rows, columns = ((size - side) // stride + 1 for size in x.shape[:2])
    out = np.zeros((rows, columns, kernel.shape[3]))
    for i in range(rows):
        for j in range(columns):
            window = x[i * stride : i * stride + side, j * stride : j * stride + side]
            out[i, j] = np.tensordot(window, kernel, axes=3)
    return out


def subbands(image: np.ndarray, wavelet: str) -> np.ndarray:
    low, details = pywt.dwt2(image[..., 0], wavelet)
    return np.stack([low, *details], axis=-1)


def image(rows: int = 20, columns: int = 26) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(rows, columns, 1))


def test_haar_gives_the_map_of_the_pixels_borders_included() -> None:
    adapted, error = subband_stem(random_kernel(), "haar")
    assert adapted.shape == (5, 5, 4, 5)
    wanted = brute_force(image(), random_kernel(), padding=3, stride=2)
    found = brute_force(subbands(image(), "haar"), adapted, padding=2, stride=1)
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    assert error < 1e-14


def test_haar_is_the_sum_of_the_formula() -> None:
    kernel = random_kernel()
    padded = np.pad(kernel[:, :, 0], ((1, 2), (1, 2), (0, 0)))  # Index 2m+r+3, from -1.
    wanted = np.zeros((5, 5, 4, 5))
    for m in range(5):
        for n in range(5):
            for r in (0, 1):
                for s in (0, 1):
                    tap = padded[2 * m + r, 2 * n + s] / 2
                    signs = 1, (-1) ** r, (-1) ** s, (-1) ** (r + s)
                    wanted[m, n] += np.outer(signs, tap)
    np.testing.assert_allclose(subband_stem(kernel, "haar")[0], wanted, atol=1e-14)


def test_db2_is_exact_inside_one_sample_further_left() -> None:
    adapted, error = subband_stem(random_kernel(), "db2")
    assert error < 1e-12
    left = np.pad(image(), ((1, 0), (1, 0), (0, 0)))
    wanted = brute_force(left, random_kernel(), padding=3, stride=2)
    found = brute_force(subbands(image(), "db2"), adapted, padding=2, stride=1)
    inside = slice(3, 8)
    np.testing.assert_allclose(
        found[inside, inside], wanted[inside, inside], atol=1e-10
    )


@pytest.mark.parametrize("wavelet", ["db3", "db4", "sym4", "bior4.4"])
def test_the_error_of_a_longer_wavelet_is_that_of_its_map_on_white_noise(
    wavelet: str,
) -> None:
    kernel = random_kernel()
    adapted, error = subband_stem(kernel, wavelet)
    shift = pywt.Wavelet(wavelet).dec_len // 2 - 1
    noise = image(160, 160)
    left = np.pad(noise, ((shift, 0), (shift, 0), (0, 0)))
    wanted = brute_force(left, kernel, padding=3, stride=2)[6:75, 6:75]
    found = brute_force(subbands(noise, wavelet), adapted, 2, 1)[6:75, 6:75]
    measured = np.linalg.norm(found - wanted) / np.linalg.norm(wanted)
    assert 0.01 < error < 0.5
    assert abs(measured / error - 1) < 0.1


def test_no_other_kernel_of_this_size_has_a_smaller_error() -> None:
    """The least squares residual is orthogonal: each change of a tap adds to it."""
    kernel = random_kernel(1)
    best, error = subband_stem(kernel, "db4")
    impulse = np.zeros((64, 64, 1))
    impulse[32, 32] = 1
    # The four phases of an impulse show the kernel on the image.
    phases = [np.roll(impulse, (r, s), (0, 1)) for r in (0, 1) for s in (0, 1)]
    maps = [
        brute_force(np.pad(each, ((3, 0), (3, 0), (0, 0))), kernel, 3, 2)
        for each in phases
    ]
    bands = [subbands(each, "db4") for each in phases]

    def squares(weights: np.ndarray) -> float:
        return sum(
            np.sum((brute_force(b, weights, 2, 1)[:34, :34] - m) ** 2)
            for b, m in zip(bands, maps, strict=True)
        )

    least = squares(best)
    assert abs(np.sqrt(least) / np.linalg.norm(kernel) - error) < 1e-6
    for index in ((0, 0, 0), (2, 2, 0), (1, 3, 1), (2, 2, 3)):
        for step in (1e-2, -1e-2):
            changed = best.copy()
            changed[(*index, 0)] += step
            assert squares(changed) > least


def test_average_stem_is_the_kernel_on_the_average_of_four_pixels() -> None:
    adapted, error = average_stem(random_kernel(), "haar")
    assert (adapted.shape, error) == ((7, 7, 4, 5), 0)
    np.testing.assert_array_equal(adapted[:, :, 1:], 0)
    average = image().reshape(10, 2, 13, 2, 1).mean(axis=(1, 3))
    wanted = brute_force(average, random_kernel(), 3, 2)
    found = brute_force(subbands(image(), "haar"), adapted, 3, 2)
    np.testing.assert_allclose(found, wanted, atol=1e-12)


@pytest.mark.parametrize("convert", [subband_stem, average_stem])
def test_the_dtype_stays_and_another_shape_is_refused(convert) -> None:
    assert convert(random_kernel().astype("float32"), "haar")[0].dtype == np.float32
    for shape in ((7, 7, 3, 5), (3, 3, 1, 5), (7, 7, 1)):
        with pytest.raises(ValueError, match=r"\(7, 7, 1, filters\)"):
            convert(np.zeros(shape), "haar")


def test_an_empty_kernel_has_no_error_and_an_unknown_wavelet_is_refused() -> None:
    assert subband_stem(np.zeros((7, 7, 1, 2)), "db4")[1] == 0
    with pytest.raises(UserError, match="did you mean 'haar'"):
        subband_stem(random_kernel(), "har")


def test_keras_convolution_agrees_in_float32() -> None:
    kernel = random_kernel().astype("float32")
    adapted, _ = subband_stem(kernel, "haar")
    bands = subbands(image(), "haar")[None].astype("float32")
    found = keras.ops.conv(np.pad(bands, ((0, 0), (2, 2), (2, 2), (0, 0))), adapted)
    wanted = brute_force(image(), kernel, 3, 2)
    spread = np.abs(wanted).max()
    assert np.abs(keras.ops.convert_to_numpy(found)[0] - wanted).max() < 2e-6 * spread
