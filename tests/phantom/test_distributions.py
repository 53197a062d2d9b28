from __future__ import annotations

import numpy as np
import pytest
import scipy.spatial

from keras_wa.errors import UserError
from keras_wa.phantom.distributions import DISTRIBUTIONS, place

PAIRS = ("CLUSTERED-LINEAR", "LINEAR-SEGMENTAL", "REGIONAL-REGIONAL")


def draws(distribution, count=24, field_mm=25.6, times=60, gap_mm=0.0):
    return [
        place(distribution, count, field_mm, np.random.default_rng(seed), gap_mm)
        for seed in range(times)
    ]


def extent(sites):
    return np.hypot(sites.x - sites.x.mean(), sites.y - sites.y.mean()).max()


def elongation(sites):
    """Standard deviation along the longest axis over that across it."""
    values = np.linalg.eigvalsh(np.cov(sites.x, sites.y))
    return np.sqrt(values[1] / values[0])


@pytest.mark.parametrize("distribution", [*DISTRIBUTIONS, *PAIRS])
@pytest.mark.parametrize("field_mm", [7.3, 25.6])
@pytest.mark.parametrize("count", [1, 2, 15])
def test_as_many_sites_as_asked_and_all_in_the_field(distribution, field_mm, count):
    drawn = draws(distribution, count, field_mm)

    assert {len(s.x) for s in drawn} == {count}
    assert {len(s.angle) for s in drawn} == {count}
    x, y = (np.concatenate([getattr(s, name) for s in drawn]) for name in "xy")
    inside = (np.abs(x) < field_mm / 2) & (np.abs(y) < field_mm / 2)
    assert inside.all()


@pytest.mark.parametrize("distribution", [*DISTRIBUTIONS, *PAIRS])
def test_a_single_large_one_lies_near_the_centre(distribution):
    for sites in draws(distribution, 1, 10.0):
        assert np.hypot(sites.x[0], sites.y[0]) < 2.5


def test_clusters_are_smaller_than_regions_and_those_than_diffuse_scatter():
    cluster, region, diffuse = (
        np.median([extent(s) for s in draws(name)])
        for name in ("CLUSTERED", "REGIONAL", "DIFFUSELY_SCATTERED")
    )

    # BI-RADS: grouped within 1 to 2 cm, regional above 2 cm across.
    assert 3 < cluster < 8
    assert 2 * region > 15
    assert cluster < region < diffuse


def test_lines_are_the_longest_and_thinnest_and_segments_are_between():
    line, segment, cluster = (
        np.median([elongation(s) for s in draws(name)])
        for name in ("LINEAR", "SEGMENTAL", "REGIONAL")
    )

    assert line > 3
    assert line > segment > cluster


def test_segment_is_a_wedge():
    for sites in draws("SEGMENTAL", 60):
        hull = scipy.spatial.ConvexHull(np.stack([sites.x, sites.y], axis=1))
        radius = extent(sites)
        # A wedge of at most 0.8 rad fills far less than the circle around it.
        assert hull.volume < 0.65 * np.pi * radius**2


def test_lines_follow_no_preferred_direction():
    turns = []
    for sites in draws("LINEAR", times=200):
        _, vectors = np.linalg.eigh(np.cov(sites.x, sites.y))
        turns.append(np.exp(2j * np.arctan2(vectors[1, -1], vectors[0, -1])))

    assert abs(np.mean(turns)) < 0.2


def test_duct_direction_follows_the_line():
    for sites in draws("LINEAR", 40, times=20):
        along = np.exp(2j * sites.angle)
        _, vectors = np.linalg.eigh(np.cov(sites.x, sites.y))
        axis = np.exp(2j * np.arctan2(vectors[1, -1], vectors[0, -1]))
        assert (np.mean(along) * np.conj(axis)).real > 0.5


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_large_calcifications_keep_their_distance(distribution):
    drawn = draws(distribution, 4, gap_mm=2.0)
    nearest = [
        scipy.spatial.distance.pdist(np.stack([s.x, s.y], axis=1)).min() for s in drawn
    ]

    assert np.mean(np.array(nearest) >= 2.0) > 0.9


def test_gap_that_does_not_fit_still_gives_every_site():
    assert {len(s.x) for s in draws("CLUSTERED", 20, 7.3, gap_mm=5.0)} == {20}


def test_unknown_distribution_suggests_the_nearest():
    with pytest.raises(UserError, match="did you mean 'CLUSTERED'"):
        place("CLUSTER", 3, 25.6, np.random.default_rng(0))
