from __future__ import annotations

import math

import numpy as np
import pytest

from keras_wa.metrics.hits import mark_image

MISSED = -math.inf
BOX = (10, 20, 30, 40)


def test_a_hand_worked_image():
    # Two boxes; one candidate in each, one beside both, a second one in the first.
    boxes = [BOX, (100, 100, 150, 120)]
    centres = [(25, 25), (140, 110), (60, 60), (12, 38)]
    image = mark_image("p", centres, [0.9, 0.4, 0.7, 0.5], boxes)
    assert image.patient == "p"
    assert image.found == (0.9, 0.4)
    assert image.false == (0.7,)


def test_a_candidate_hits_one_lesion_and_the_next_best_the_other():
    overlapping = [(0, 0, 50, 50), (40, 0, 90, 50)]
    both, second = (45, 10), (44, 12)
    assert mark_image("p", [both], [3.0], overlapping).found == (3.0, MISSED)
    marks = mark_image("p", [both, second], [3.0, 2.0], overlapping)
    assert marks.found == (3.0, 2.0)
    assert marks.false == ()


def test_the_order_of_the_candidates_does_not_matter():
    centres, scores = np.array([(25, 25), (12, 38), (60, 60)]), np.array([1.0, 5.0, 2])
    expected = mark_image("p", centres, scores, [BOX])
    assert expected.found == (5.0,)
    assert mark_image("p", centres[::-1], scores[::-1], [BOX]) == expected


@pytest.mark.parametrize(
    ("centre", "inside"),
    [
        ((10, 20), True),
        ((9.5, 20), True),
        ((9.4, 20), False),
        ((29, 39), True),
        ((29.5, 39), False),
        ((29, 39.6), False),
    ],
)
def test_box_and_mask_agree_on_where_a_lesion_ends(centre, inside):
    left, top, right, bottom = BOX
    mask = np.zeros((50, 60), bool)
    mask[top:bottom, left:right] = True
    for lesion in (BOX, mask):
        marks = mark_image("p", [centre], [1.0], [lesion])
        assert marks.found == ((1.0,) if inside else (MISSED,))
        assert marks.false == (() if inside else (1.0,))


def test_a_centre_beyond_the_image_is_in_no_mask():
    full = np.ones((50, 60), bool)
    for centre in ((-1, 3), (3, -1), (60, 3), (3, 50)):
        assert mark_image("p", [centre], [1.0], [full]).false == (1.0,)


def test_an_image_may_lack_lesions_or_candidates():
    assert mark_image("p", [], [], [BOX]).found == (MISSED,)
    assert mark_image("p", [(1, 2)], [7], []).false == (7.0,)


@pytest.mark.parametrize("scores", [[1.0], [1.0, math.nan], [1.0, math.inf]])
def test_each_candidate_needs_a_finite_score(scores):
    with pytest.raises(ValueError, match=r"scores: Received: .* each of 2 candidates"):
        mark_image("p", [(1, 2), (3, 4)], scores, [])
