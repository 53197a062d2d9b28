from __future__ import annotations

import math

import numpy as np
import pytest

from keras_wa.detection.clusters import RADIUS_MM, find_clusters
from keras_wa.detection.spots import Spots
from keras_wa.errors import UserError

SHAPE = (1000, 1200)
MM = 0.1


def spots_at(places, contrast=5.0, diameter_mm=0.4):
    x, y = np.asarray(places, np.float64).reshape(-1, 2).T
    full = np.full(len(x), 1.0)
    return Spots(x, y, diameter_mm * full, np.asarray(contrast) * full)


def test_the_circle_has_a_square_centimetre():
    assert math.pi * RADIUS_MM**2 == pytest.approx(100)


def test_spots_within_a_square_centimetre_are_a_cluster_with_a_hand_worked_box():
    spots = spots_at([(100, 200), (140, 210), (110, 240), (700, 700)], [4, 5, 12, 9])
    (cluster,) = find_clusters(spots, MM, SHAPE)
    # Radii of 2 pixels about the centres; pixel 98 reaches from 97.5 to 98.5.
    assert cluster.box == (98, 198, 143, 243)
    assert cluster.centre == (120, 220)
    assert cluster.n_spots == 3
    assert cluster.score == pytest.approx(1 + 2 + 7)


def test_as_many_spots_as_asked_for_are_needed():
    spots = spots_at([(100, 200), (140, 210), (110, 240)])
    assert len(find_clusters(spots, MM, SHAPE, least_spots=3)) == 1
    assert find_clusters(spots, MM, SHAPE, least_spots=4) == []
    assert find_clusters(spots_at([]), MM, SHAPE) == []


def test_millimetres_count_and_not_pixels():
    places = [(100, 200), (150, 200), (125, 240)]
    assert len(find_clusters(spots_at(places), 0.1, SHAPE)) == 1
    assert find_clusters(spots_at(places), 0.2, SHAPE) == []
    # Columns apart, rows near: only with fine columns are they near.
    assert find_clusters(spots_at(places), (0.1, 0.25), SHAPE) == []
    assert len(find_clusters(spots_at(places), (0.1, 0.05), SHAPE)) == 1


def test_the_edge_of_the_circle_is_at_its_radius():
    def count(distance_mm):
        at = 300 + distance_mm / MM
        spots = spots_at([(300, 300), (310, 300), (at, 300)])
        return len(find_clusters(spots, MM, SHAPE))

    # About the middle spot both others lie within, up to 5.64 + 1 mm from the first.
    assert count(RADIUS_MM + 0.99) == 1
    assert count(RADIUS_MM + 1.01) == 0


def test_the_best_come_first_and_no_more_than_asked_for():
    places = [(x + dx, 300) for x in (100, 500, 900) for dx in (0, 20, 40)]
    spots = spots_at(places, [4] * 3 + [8] * 3 + [6] * 3)
    clusters = find_clusters(spots, MM, SHAPE)
    assert [each.centre[0] for each in clusters] == [520, 920, 120]
    assert [each.score for each in clusters] == [15, 9, 3]
    assert find_clusters(spots, MM, SHAPE, most_clusters=2) == clusters[:2]


def test_no_spot_is_in_two_clusters_and_none_reaches_over_more_than_a_circle():
    rng = np.random.default_rng(0)
    spots = spots_at(rng.uniform(0, 999, (300, 2)), rng.uniform(4, 9, 300))
    clusters = find_clusters(spots, MM, SHAPE)
    assert len(clusters) > 10
    assert sum(each.n_spots for each in clusters) <= 300
    scores = [each.score for each in clusters]
    assert scores == sorted(scores, reverse=True)
    for each in clusters:
        left, top, right, bottom = each.box
        assert max(right - left, bottom - top) * MM <= 2 * RADIUS_MM + 0.4 + 2 * MM


def test_the_clusters_are_those_of_a_slow_search():
    rng = np.random.default_rng(1)
    spots = spots_at(rng.uniform(0, 600, (80, 2)), rng.uniform(2, 14, 80))
    weight = [min(max(each, 3), 10) - 3 for each in spots.contrast]
    free, slow = set(range(80)), []
    while True:
        circles = []
        for i in free:
            near = [
                j
                for j in free
                if math.dist((spots.x[i], spots.y[i]), (spots.x[j], spots.y[j])) * MM
                <= RADIUS_MM
            ]
            if len(near) >= 4:
                circles.append((sum(weight[j] for j in near), near))
        if not circles:
            break
        score, near = max(circles)
        slow.append((len(near), score))
        free -= set(near)
    found = find_clusters(spots, MM, SHAPE, least_spots=4)
    assert [each.n_spots for each in found] == [n for n, _ in slow]
    assert [each.score for each in found] == pytest.approx([s for _, s in slow])


def test_a_box_does_not_reach_beyond_the_image():
    spots = spots_at([(0, 0), (1199, 0), (5, 6), (9, 1), (1195, 4), (1190, 1)])
    boxes = {each.box for each in find_clusters(spots, MM, SHAPE)}
    assert boxes == {(0, 0, 12, 9), (1188, 0, 1200, 7)}


@pytest.mark.parametrize(
    ("name", "value"), [("least_spots", 1), ("most_clusters", 0), ("spacing_mm", None)]
)
def test_a_number_out_of_range_is_an_error(name, value):
    arguments = {"spots": spots_at([]), "spacing_mm": MM, "shape": SHAPE, name: value}
    with pytest.raises(UserError, match=f"{name}: .*Received: {value}; expected"):
        find_clusters(**arguments)
