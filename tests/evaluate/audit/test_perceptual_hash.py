from __future__ import annotations

import cv2
import numpy as np
import pytest

from keras_wa.evaluate.audit import perceptual_hash
from keras_wa.evaluate.audit.perceptual_hash import (
    SYMMETRIES,
    candidates,
    hashes,
    spectra,
    turn_images,
    turn_spectra,
)
from tests.evaluate.audit.tables import pictures


def distances(one, two):
    return np.bitwise_count(hashes(spectra(one)) ^ hashes(spectra(two)))


def test_the_spectrum_is_that_of_opencv():
    images = pictures(3)
    for image, spectrum in zip(images, spectra(images), strict=True):
        expected = cv2.dct(image.astype(np.float32))[:8, :8]
        assert np.allclose(spectrum, expected, atol=0.01)


@pytest.mark.parametrize("symmetry", range(8))
def test_turning_the_spectrum_is_turning_the_image(symmetry):
    images = pictures(4)
    turned = np.ascontiguousarray(turn_images(images, symmetry))
    expected = turn_spectra(spectra(images), symmetry)
    assert np.allclose(spectra(turned), expected, atol=0.01)


def test_the_names_of_the_symmetries():
    image = pictures(1)
    expected = {
        "unchanged": image[0],
        "left and right exchanged": np.fliplr(image[0]),
        "top and bottom exchanged": np.flipud(image[0]),
        "rotated by 180 degrees": np.rot90(image[0], 2),
        "rows and columns exchanged": image[0].T,
        "rotated by 90 degrees clockwise": np.rot90(image[0], -1),
        "rotated by 90 degrees anticlockwise": np.rot90(image[0], 1),
        "mirrored on the other diagonal": np.rot90(image[0], 2).T,
    }
    assert list(expected) == list(SYMMETRIES)
    for number, name in enumerate(SYMMETRIES):
        assert np.array_equal(turn_images(image, number)[0], expected[name]), name


def test_each_sign_has_a_bit():
    spectrum = np.full((1, 8, 8), -1, np.float32)
    bits = set()
    for row in range(8):
        for column in range(8):
            one = spectrum.copy()
            one[0, row, column] = 1
            bits.add(int(hashes(one)[0] ^ hashes(spectrum)[0]))
    # The mean's bit is always 1; each other coefficient has a bit of its own.
    assert len(bits) == 64
    assert all(bit.bit_count() <= 1 for bit in bits)


def test_brightness_and_contrast_change_hardly_a_bit():
    images = pictures(20)
    changed = (images * 0.7 + 20).astype(np.uint8)
    assert distances(images, changed).max() <= 4


def test_different_images_differ_in_about_half_of_the_bits():
    found = distances(pictures(50, seed=1), pictures(50, seed=2))
    assert 28 < found.mean() < 36


def test_candidates_equal_a_search_by_hand(monkeypatch):
    monkeypatch.setattr(perceptual_hash, "_BLOCK", 7)
    images = pictures(30)
    images[20] = turn_images(images[:1], 5)[0]
    images[29] = images[3]
    codes = hashes(spectra(images))
    expected = set()
    for symmetry in range(8):
        turned = hashes(spectra(np.ascontiguousarray(turn_images(images, symmetry))))
        for first in range(30):
            for second in range(first + 1, 30):
                if int(codes[first] ^ turned[second]).bit_count() <= 18:
                    expected.add((first, second, symmetry))
    found = [
        (int(one), int(two), symmetry)
        for first, second, symmetry in candidates(images, 18)
        for one, two in zip(first, second, strict=True)
    ]
    assert len(found) == len(set(found))
    assert set(found) == expected
    assert {(0, 20, 6), (3, 29, 0)} <= expected
