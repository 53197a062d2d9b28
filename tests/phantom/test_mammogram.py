from __future__ import annotations

import numpy as np
import pytest

from keras_wa.phantom.breast_outline import draw_breast
from keras_wa.phantom.mammogram import WHITE, draw_mammogram
from keras_wa.phantom.texture import draw_tissue_kind

SHAPE, PIXEL_MM = (450, 300), 0.1


def film(side="LEFT", view="CC", density=2, seed=0):
    breast = draw_breast(SHAPE, PIXEL_MM, side, view, np.random.default_rng(seed))
    kind = draw_tissue_kind(density, np.random.default_rng([seed, 1]))
    rng = np.random.default_rng([seed, 2])
    return breast, draw_mammogram(breast, kind, density, rng)


def full_size(breast, field):
    big = np.kron(field, np.ones((breast.factor, breast.factor)))
    big = big[: SHAPE[0], : SHAPE[1]]
    return big[:, ::-1] if breast.mirrored else big


@pytest.mark.parametrize("side", ["LEFT", "RIGHT"])
@pytest.mark.parametrize("view", ["CC", "MLO"])
def test_air_is_black_and_the_breast_is_not(side, view):
    breast, pixels = film(side, view)
    skin_mm = full_size(breast, breast.skin_mm)

    assert pixels.shape == SHAPE
    assert pixels.dtype == np.uint16
    assert (pixels[skin_mm < -2] == 0).all()
    assert (pixels[skin_mm > 5] > 0.1 * WHITE).all()
    wall = 0 if side == "LEFT" else -1
    assert np.median(pixels[:, wall]) > 0.15 * WHITE


def test_muscle_is_brighter_than_fat():
    breast, pixels = film(view="MLO", density=1, seed=4)
    muscle = full_size(breast, breast.muscle)
    skin_mm = full_size(breast, breast.skin_mm)
    fat = (muscle < 0.05) & (skin_mm > 8)

    assert np.median(pixels[muscle > 0.95]) > 1.3 * np.percentile(pixels[fat], 25)


def test_dense_breasts_are_brighter_inside_than_fatty_ones():
    medians = []
    for density in (1, 4):
        breast, pixels = film(density=density)
        medians.append(np.median(pixels[full_size(breast, breast.skin_mm) > 12]))

    assert medians[1] > 1.3 * medians[0]


def test_grain_is_fine_and_faint():
    _, pixels = film(seed=7)
    inside = pixels[200:260, 20:80].astype(float)
    neighbours = np.diff(inside, axis=1).std() / WHITE

    assert 0.003 < neighbours < 0.03


def test_nothing_is_white_before_calcifications_are_drawn():
    for seed in range(2):
        assert film(density=4, seed=seed)[1].max() < WHITE
