from __future__ import annotations

import functools

import numpy as np
import pytest

from keras_wa.detection import find_candidates
from keras_wa.errors import UserError
from keras_wa.phantom import PhantomSpec
from keras_wa.phantom.film import Abnormality, plan_film
from tests.detection.pictures import noise

SHAPE, PIXEL_MM = (1000, 700), 0.1


@functools.cache
def draw(name: str, conspicuity: float, *places: str):
    """A phantom film with a cluster for each place, and their masks."""
    spec = PhantomSpec(seed=7, field_mm=12.0, conspicuity=conspicuity)
    findings = [
        Abnormality(f"{name}{i}", False, "PLEOMORPHIC", each, 4)
        for i, each in enumerate(places)
    ]
    film = plan_film(spec, SHAPE, PIXEL_MM, name, name, "LEFT", "CC", 2, findings)
    masks = [lesion.mask(SHAPE, SHAPE) > 0 for lesion in film.placed]
    return (film.draw() >> 8).astype(np.uint8), masks


def holds(mask, candidate):
    column, row = candidate.centre
    return bool(mask[round(row), round(column)])


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_the_clusters_of_a_phantom_film_are_the_best_candidates(name):
    image, masks = draw(name, 1.5, "CLUSTERED", "CLUSTERED")
    best = find_candidates(image, PIXEL_MM)[:2]
    assert sorted(holds(mask, each) for mask in masks for each in best) == [
        False,
        False,
        True,
        True,
    ]


def test_a_film_without_calcifications_has_no_candidate_of_that_score():
    image, _ = draw("a", 1.5, "CLUSTERED", "CLUSTERED")
    bare, _ = draw("a", 1.5)
    found = find_candidates(image, PIXEL_MM)
    assert max((each.score for each in find_candidates(bare, PIXEL_MM)), default=0) < (
        0.5 * found[1].score
    )


def test_the_candidates_of_a_mirror_image_are_mirrored():
    image, _ = draw("a", 1.5, "CLUSTERED", "CLUSTERED")
    width = image.shape[1]
    expected = [
        ((width - right, top, width - left, bottom), n_spots)
        for (left, top, right, bottom), n_spots in (
            (each.box, each.n_spots) for each in find_candidates(image, PIXEL_MM)
        )
    ]
    found = find_candidates(image[:, ::-1], PIXEL_MM)
    assert [(each.box, each.n_spots) for each in found] == expected


def test_floats_and_16_bits_give_the_same_candidates():
    image, _ = draw("a", 1.5, "CLUSTERED", "CLUSTERED")
    expected = [each.box for each in find_candidates(image, PIXEL_MM)]
    for other in (image.astype(np.float64) / 255, image.astype(">u2") * 257):
        assert [each.box for each in find_candidates(other, PIXEL_MM)] == expected


def test_no_more_candidates_than_asked_for_and_none_in_an_even_image():
    image, _ = draw("a", 1.5, "CLUSTERED", "CLUSTERED")
    found = find_candidates(image, PIXEL_MM)
    assert len(found) > 1
    assert find_candidates(image, PIXEL_MM, most_clusters=1) == found[:1]
    assert find_candidates(np.zeros((300, 200), np.uint8), PIXEL_MM) == []


def test_a_mask_of_the_callers_says_where_to_look():
    image, masks = draw("a", 1.5, "CLUSTERED", "CLUSTERED")
    rows = np.flatnonzero(masks[0].any(axis=1))
    mask = np.zeros(SHAPE, bool)
    mask[rows[0] - 30 : rows[-1] + 30] = True
    found = find_candidates(image, PIXEL_MM, mask=mask)
    assert any(holds(masks[0], each) for each in found)
    assert all(mask[each.box[1] : each.box[3]].all() for each in found)


def test_a_cluster_of_dust_is_a_candidate_only_if_it_may_be():
    image = noise((400, 400), deviation=2.0)
    for x, y in ((180, 200), (210, 220), (200, 170), (230, 190)):
        image[y, x] = 255
    mask = np.ones(image.shape, bool)
    assert find_candidates(image, 0.05, 6.0, mask=mask) == []
    (dust,) = find_candidates(image, 0.05, 6.0, film=False, mask=mask)
    assert dust.n_spots == 4


def test_without_a_spacing_the_error_tells_to_give_one():
    with pytest.raises(UserError, match=r"spacing_mm: .*Received: None; .*Give the"):
        find_candidates(np.zeros((300, 200), np.uint8), None)
