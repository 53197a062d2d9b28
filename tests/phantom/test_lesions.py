from __future__ import annotations

import numpy as np
import pytest

from keras_wa.errors import UserError
from keras_wa.phantom.breast_outline import draw_breast
from keras_wa.phantom.calcifications import MORPHOLOGIES, calcify
from keras_wa.phantom.distributions import DISTRIBUTIONS
from keras_wa.phantom.lesions import Placed, fit_lesion, place_lesions
from keras_wa.phantom.particles import particles

SHAPE, PIXEL_MM = (600, 400), 0.2


def calcifications(name, distribution="CLUSTERED", field=25.6, seed=0):
    return calcify(name, distribution, field, np.random.default_rng(seed))


def placed(lesions, side="LEFT", view="MLO", seed=0, shape=SHAPE):
    breast = draw_breast(shape, PIXEL_MM, side, view, np.random.default_rng(seed))
    return breast, place_lesions(breast, lesions, np.random.default_rng(seed))


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("name", MORPHOLOGIES)
@pytest.mark.parametrize("field", [6.0, 25.6])
def test_every_lesion_with_its_mask_fits_its_field(name, distribution, field):
    fitted, margin = fit_lesion(calcifications(name, distribution, field), field)
    lesion = Placed(fitted, 200.3, 290.8, PIXEL_MM, margin)
    mask = lesion.mask(SHAPE, SHAPE)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))

    for found in (rows, columns):
        assert (found[-1] - found[0] + 1) * PIXEL_MM <= field
    middle = (columns[0] + columns[-1]) / 2, (rows[0] + rows[-1]) / 2
    np.testing.assert_allclose(middle, (lesion.x, lesion.y), atol=1)


def test_a_lesion_that_fits_keeps_its_size():
    parts = calcifications("PUNCTATE")
    fitted, margin = fit_lesion(parts, 25.6)

    assert margin == 1.0
    np.testing.assert_array_equal(fitted.a, parts.a)
    np.testing.assert_allclose(np.diff(fitted.x), np.diff(parts.x))


def test_mask_covers_every_particle_with_a_margin():
    parts, margin = fit_lesion(calcifications("PLEOMORPHIC", "SEGMENTAL"), 25.6)
    _, (lesion,) = placed([(parts, margin)])
    mask = lesion.mask(SHAPE, SHAPE)
    x, y = lesion.centres()

    turn = np.linspace(0, 2 * np.pi, 24)
    for reach in (0, 0.8):
        columns = x[:, None] + reach * margin / PIXEL_MM * np.cos(turn)
        rows = y[:, None] + reach * margin / PIXEL_MM * np.sin(turn)
        assert (mask[np.rint(rows).astype(int), np.rint(columns).astype(int)]).all()
    assert set(np.unique(mask)) == {0, 255}


def test_mask_is_convex_and_no_larger_than_need_be():
    square = particles(
        np.array([-5.0, 5, 5, -5]), np.array([-5.0, -5, 5, 5]), np.full(4, 0.5)
    )
    parts, margin = fit_lesion(square, 40.0)
    _, (lesion,) = placed([(parts, margin)])
    area = (lesion.mask(SHAPE, SHAPE) > 0).sum() * PIXEL_MM**2
    # A square of 10 mm with rounded corners, 1.5 mm around it.
    exact = 10 * 10 + 4 * 10 * 1.5 + np.pi * 1.5**2

    assert area == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize("shape", [(480, 320), (593, 406)])
def test_mask_of_another_size_shows_the_same_place(shape):
    _, (lesion,) = placed([fit_lesion(calcifications("AMORPHOUS"), 25.6)])
    full, other = lesion.mask(SHAPE, SHAPE) > 0, lesion.mask(shape, SHAPE) > 0

    assert other.shape == shape
    assert other.mean() == pytest.approx(full.mean(), rel=0.05)
    for mask_axis in (0, 1):
        places = [
            (np.flatnonzero(mask.any(1 - mask_axis)).mean() + 0.5)
            / mask.shape[mask_axis]
            for mask in (full, other)
        ]
        assert abs(places[0] - places[1]) * SHAPE[mask_axis] < 1.5


@pytest.mark.parametrize("side", ["LEFT", "RIGHT"])
@pytest.mark.parametrize("seed", range(3))
def test_lesions_of_a_film_lie_inside_the_breast_and_apart(side, seed):
    names = ["COARSE", "VASCULAR", "PUNCTATE", "DYSTROPHIC", "PLEOMORPHIC", "EGGSHELL"]
    spread = ["REGIONAL", "LINEAR", "DIFFUSELY_SCATTERED", "", "CLUSTERED", "SEGMENTAL"]
    lesions = [
        fit_lesion(calcifications(name, how, seed=seed), 25.6)
        for name, how in zip(names, spread, strict=True)
    ]
    breast, found = placed(lesions, side, seed=seed)
    masks = np.array([lesion.mask(SHAPE, SHAPE) > 0 for lesion in found])

    assert masks.sum(axis=0).max() == 1
    assert all(mask.sum() > 20 for mask in masks)
    inside = (breast.skin_mm > 0) & (breast.muscle < 0.6)
    inside = inside[:, ::-1] if breast.mirrored else inside
    assert inside[masks.any(axis=0)].all()


def test_a_film_too_small_for_its_lesions_is_refused():
    lesions = [fit_lesion(calcifications("PUNCTATE"), 25.6)] * 40
    with pytest.raises(UserError, match="40 lesions do not fit"):
        placed(lesions, shape=(100, 70))
