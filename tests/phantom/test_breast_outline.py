from __future__ import annotations

import numpy as np
import pytest

from keras_wa.phantom.breast_outline import draw_breast

SHAPE = (450, 300)


def breast(side="LEFT", view="CC", seed=0, shape=SHAPE, pixel_mm=0.3):
    return draw_breast(shape, pixel_mm, side, view, np.random.default_rng(seed))


@pytest.mark.parametrize("view", ["CC", "MLO"])
@pytest.mark.parametrize("seed", range(5))
def test_breast_lies_at_the_chest_wall_and_air_beyond_it(view, seed):
    inside = breast(view=view, seed=seed).skin_mm > 0

    assert 0.25 < inside.mean() < 0.75
    assert inside[:, 0].mean() > 0.6
    assert not inside[:, -1].any()
    # In one piece along each row: from the wall to the skin.
    assert (np.diff(inside.astype(int), axis=1) <= 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_pectoral_muscle_is_a_wedge_in_the_upper_corner_of_mlo_alone(seed):
    assert not breast(view="CC", seed=seed).muscle.any()
    muscle = breast(view="MLO", seed=seed).muscle > 0.5

    assert 0.03 < muscle.mean() < 0.25
    widths = muscle.sum(axis=1)
    assert widths[0] > 0.2 * muscle.shape[1]
    assert (np.diff(widths) <= 0).all()
    assert widths[-1] == 0


def test_only_a_right_breast_is_mirrored():
    left, right = breast("LEFT"), breast("RIGHT")

    assert (left.mirrored, right.mirrored) == (False, True)
    np.testing.assert_array_equal(left.skin_mm, right.skin_mm)


def test_proportions_do_not_depend_on_the_film_size():
    small = breast(shape=(300, 200)).skin_mm > 0
    large = breast(shape=(900, 600)).skin_mm > 0

    assert large.shape == (900, 600)
    assert abs(small.mean() - large.mean()) < 0.01


def test_grid_is_coarse_where_pixels_are_fine():
    fine = breast(shape=(1001, 700), pixel_mm=0.05)

    assert fine.factor == 4
    assert fine.coarse_mm == pytest.approx(0.2)
    assert fine.skin_mm.shape == (251, 175)


def test_depth_below_the_skin_is_in_millimetres_near_the_skin():
    skin_mm = breast(seed=3).skin_mm
    # On the row of the nipple's half height the skin runs nearly up and down.
    row = skin_mm[len(skin_mm) // 2 - 60]
    edge = int(np.flatnonzero(row > 0)[-1])
    steps = -np.diff(row[edge - 6 : edge + 1])

    assert np.all((steps > 0.1) & (steps <= 0.31))


def test_clearance_is_the_distance_to_skin_muscle_and_film_edge():
    found = breast(view="MLO", seed=1)
    clearance = found.clearance_mm()

    assert (clearance[found.skin_mm <= 1] == 0).all()
    assert (clearance[found.muscle > 0.5] == 0).all()
    assert clearance[:, 0].max() <= found.coarse_mm
    assert clearance.max() > 10
