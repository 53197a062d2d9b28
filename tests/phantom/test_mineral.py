from __future__ import annotations

import numpy as np

from keras_wa.phantom.mineral import draw_mineral, scale_of
from keras_wa.phantom.particles import particles

BALL = particles(np.zeros(1), np.zeros(1), np.full(1, 2.0))
EVEN = np.zeros((64, 64))


def test_film_saturates_with_the_thickness():
    thick = particles(np.zeros(1), np.zeros(1), np.full(1, 2.0), density=2.0)
    one, two = (draw_mineral(parts, 0.1, 0.1, EVEN).max() for parts in (BALL, thick))

    assert one < two < 1.9 * one
    assert two < 1


def test_blur_and_noise_soften_and_roughen():
    sharp = draw_mineral(BALL, 0.1, 0.02, EVEN)
    soft = draw_mineral(BALL, 0.1, 0.4, EVEN)
    rough = draw_mineral(
        BALL, 0.1, 0.02, np.random.default_rng(0).normal(0, 10, (64, 64))
    )

    steepest = [np.abs(np.diff(image, axis=1)).max() for image in (soft, sharp)]
    assert steepest[0] < 0.6 * steepest[1]
    assert rough[28:36, 28:36].std() > 2 * sharp[28:36, 28:36].std()


def test_brightest_mineral_gets_the_contrast_whatever_its_thickness():
    small = particles(np.zeros(1), np.zeros(1), np.full(1, 0.5))
    mineral = draw_mineral(small, 0.1, 0.1, EVEN)

    def contrast(image, **change):
        settings = {"faint": 1.0, "subtlety": 3, "conspicuity": 1.0} | change
        rng = np.random.default_rng(5)
        return image.max() * scale_of(image, rng=rng, **settings)

    plain = contrast(mineral)
    assert np.isclose(plain, contrast(0.1 * mineral))
    assert np.isclose(2 * plain, contrast(mineral, conspicuity=2.0))
    assert np.isclose(0.5 * plain, contrast(mineral, faint=0.5))
    assert contrast(mineral, subtlety=1) < plain < contrast(mineral, subtlety=5)


def test_calcifications_that_fill_a_small_field_are_fainter():
    def contrast(size):
        image = draw_mineral(BALL, 0.1, 0.1, np.zeros((size, size)))
        return image.max() * scale_of(image, 1.0, 3, 1.0, np.random.default_rng(5))

    assert contrast(64) < 0.6 * contrast(512)
