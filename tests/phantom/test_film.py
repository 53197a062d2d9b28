from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from keras_wa.errors import UserError
from keras_wa.phantom import PhantomSpec
from keras_wa.phantom.film import Abnormality, plan_film
from keras_wa.phantom.mammogram import WHITE

SPEC = PhantomSpec(seed=3, size=64, field_mm=10.0, conspicuity=2.0)
SHAPE, PIXEL_MM = (450, 300), 0.1
PUNCTATE = Abnormality("a", False, "PUNCTATE", "CLUSTERED", 3)
COARSE = Abnormality("b", False, "COARSE", "", 5)


def plan(
    *findings, spec=SPEC, name="film", patient="P", side="LEFT", view="CC", **more
):
    density = more.pop("density", 2)
    return plan_film(
        spec, SHAPE, PIXEL_MM, name, patient, side, view, density, findings, **more
    )


@pytest.fixture(scope="module")
def bare():
    return plan().draw()


def test_film_without_findings_is_a_breast(bare):
    assert bare.shape == SHAPE
    assert bare.dtype == np.uint16
    assert 0.3 < (bare > 0.1 * WHITE).mean() < 0.8


def test_calcifications_are_drawn_where_the_plan_has_them_and_nowhere_else(bare):
    film = plan(PUNCTATE)
    added = film.draw().astype(int) - bare
    (lesion,) = film.placed
    mask = lesion.mask(SHAPE, SHAPE) > 0
    x, y = (np.rint(each).astype(int) for each in lesion.centres())

    assert (added[y, x] > 0.05 * WHITE).all()
    assert np.abs(added[~mask]).max() < 0.002 * WHITE
    assert (added[mask] >= -1).all()


def test_calcifications_are_drawn_to_a_fraction_of_a_pixel(bare):
    film = plan(dataclasses.replace(PUNCTATE, morphology="EGGSHELL"))
    (lesion,) = film.placed
    x, y = lesion.centres()
    added = (film.draw().astype(float) - bare).clip(0)
    if len(x) > 1:  # Weigh the shells' surroundings of one of them alone.
        rows, columns = np.indices(SHAPE)
        near = (
            np.hypot(rows - y[0], columns - x[0])
            < np.hypot(y[1:] - y[0], x[1:] - x[0]).min() / 2
        )
        added = added * near
    weight = added.sum()
    found = [(np.indices(SHAPE)[axis] * added).sum() / weight for axis in (1, 0)]

    assert np.hypot(found[0] - x[0], found[1] - y[0]) < 1.5


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        ({"subtlety": 1}, {"subtlety": 5}),
        ({"morphology": "AMORPHOUS"}, {}),
        ({"mass": True, "morphology": "ROUND", "distribution": "OBSCURED"}, {}),
    ],
)
def test_contrast_follows_subtlety_and_type(bare, weaker, stronger):
    def height(change):
        film = plan(dataclasses.replace(PUNCTATE, **change))
        return (film.draw().astype(int) - bare).max()

    assert 0 < height(weaker) < height(stronger)


def test_conspicuity_raises_the_contrast_of_the_calcifications_alone(bare):
    faint = plan(PUNCTATE, spec=dataclasses.replace(SPEC, conspicuity=0.5))
    added = faint.draw().astype(int) - bare

    assert 0 < added.max() < (plan(PUNCTATE).draw().astype(int) - bare).max()
    elsewhere = faint.placed[0].mask(SHAPE, SHAPE) == 0
    assert np.abs(added[elsewhere]).max() < 0.002 * WHITE


def test_unnamed_type_is_punctate_and_unknown_numbers_are_medium(bare):
    unknown = dataclasses.replace(PUNCTATE, morphology="", subtlety=None)
    film = plan(unknown, density=None).draw()

    np.testing.assert_array_equal(film, plan(PUNCTATE, density=2).draw())


def test_names_and_seed_decide_the_film():
    first = plan(PUNCTATE).draw()

    np.testing.assert_array_equal(first, plan(PUNCTATE).draw())
    for other in (
        plan(PUNCTATE, name="other"),
        plan(PUNCTATE, patient="Q"),
        plan(dataclasses.replace(PUNCTATE, name="c")),
        plan(PUNCTATE, spec=dataclasses.replace(SPEC, seed=4)),
    ):
        assert (other.draw() != first).any()


def test_both_views_show_a_breast_of_the_same_size():
    cc, mlo = plan(view="CC").breast, plan(view="MLO").breast
    widths = [(breast.skin_mm > 0).sum(axis=1).max() for breast in (cc, mlo)]

    assert abs(widths[0] - widths[1]) < 0.08 * widths[0]


def test_a_right_breast_has_its_wall_at_the_right_and_its_lesion_in_it():
    film = plan(PUNCTATE, side="RIGHT")
    pixels = film.draw()

    assert np.median(pixels[:, -1]) > np.median(pixels[:, 0])
    x, y = (np.rint(each).astype(int) for each in film.placed[0].centres())
    assert (pixels[y, x] > 0.2 * WHITE).all()


def test_several_findings_are_all_there(bare):
    film = plan(PUNCTATE, COARSE)
    added = film.draw().astype(int) - bare

    assert len(film.placed) == 2
    for lesion in film.placed:
        x, y = (np.rint(each).astype(int) for each in lesion.centres())
        assert (added[y, x] > 0.03 * WHITE).all()


def test_field_larger_than_the_film_is_refused():
    spec = dataclasses.replace(SPEC, field_mm=31.0, size=128)
    with pytest.raises(UserError, match="field of view of 31 mm"):
        plan(PUNCTATE, spec=spec)


def test_unknown_type_is_refused():
    with pytest.raises(UserError, match="did you mean 'PUNCTATE'"):
        plan(dataclasses.replace(PUNCTATE, morphology="PUNCTATED"))
