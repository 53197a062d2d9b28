"""Two views of a lesion are projections of the same particles."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.spatial
from scipy.stats import ks_2samp

from keras_wa.phantom import PhantomSpec, phantom_cases, render_mask, render_roi
from keras_wa.phantom.calcifications import MORPHOLOGIES, calcify
from keras_wa.phantom.distributions import (
    DISTRIBUTIONS,
    OBLIQUE,
    Cluster,
    place,
    place_in_space,
)
from keras_wa.phantom.roi import draw_particles

SIZES = {"size": 64, "field_mm": 7.3, "conspicuity": 2.0}
APART = PhantomSpec(seed=3, **SIZES)
PROJECTED = PhantomSpec(seed=3, **SIZES, projected_views=True)
LESION = ["patient_id", "breast", "lesion"]


def both_views(spec, n=400):
    """Rows of the lesions with CC and MLO, a pair for each lesion."""
    for _, rows in phantom_cases(spec, n).groupby(LESION, sort=False):
        rows = rows.sort_values("view").to_dict("records")
        if [row["view"] for row in rows] == ["CC", "MLO"]:
            yield rows


def particles_of(spec, row):
    rng = np.random.default_rng(int(row["roi_id"][-6:]))
    return draw_particles(spec, row, rng)


def agreement(spec, kind="PLEOMORPHIC"):
    """Correlations between the views of number and mean size of the particles."""
    found = []
    for rows in both_views(spec):
        if rows[0]["morphology"] == kind:
            views = [particles_of(spec, row) for row in rows]
            found.append([(len(view), view.b.mean()) for view in views])
    cc, mlo = np.array(found).swapaxes(0, 1)
    assert len(cc) > 50
    return [np.corrcoef(cc[:, k], mlo[:, k])[0, 1] for k in range(2)]


def test_the_views_share_the_particles_and_show_them_elsewhere():
    lesions = list(both_views(PROJECTED, 200))
    assert len(lesions) > 60
    moved = []
    for rows in lesions:
        cc, mlo = (particles_of(PROJECTED, row) for row in rows)
        for name in ("a", "b", "density", "hollow", "lobes", "x"):
            np.testing.assert_array_equal(getattr(cc, name), getattr(mlo, name))
        moved.append(np.abs(cc.y - mlo.y).mean())
    assert np.mean(np.array(moved) > 0.1) > 0.9


def test_number_and_sizes_agree_only_if_the_views_are_projections():
    assert min(agreement(PROJECTED)) > 0.999
    assert max(np.abs(agreement(APART))) < 0.3


def test_rows_of_one_view_are_one_projection_in_other_tissue():
    first, _ = next(both_views(PROJECTED))
    again = {**first, "roi_id": first["roi_id"][:-6] + "000999"}
    parts, same = (particles_of(PROJECTED, row) for row in (first, again))

    np.testing.assert_array_equal(parts.y, same.y)
    one, two = (render_roi(PROJECTED, row) for row in (first, again))
    # Noise is independent: not even the tissue of the two agrees.
    assert (one != two).mean() > 0.9
    mask, other = (render_mask(PROJECTED, row) for row in (first, again))
    assert (mask & other).sum() > 0.8 * mask.sum()


@pytest.mark.parametrize(
    "change", [{"breast": "other"}, {"lesion": 7}, {"roi_id": "PH3-0-09999-000000"}]
)
def test_other_lesions_have_other_particles(change):
    row, _ = next(both_views(PROJECTED))
    if "breast" in change:
        change = {"breast": {"LEFT": "RIGHT", "RIGHT": "LEFT"}[row["breast"]]}
    parts, other = (particles_of(PROJECTED, each) for each in (row, {**row, **change}))
    assert len(parts) != len(other) or (parts.x != other.x).all()


def test_view_is_a_turn_about_the_axis_from_chest_wall_to_nipple():
    x, y, depth = np.array([1.0, 2.0]), np.array([3.0, 0.0]), np.array([0.0, 4.0])
    cluster = Cluster(x, y, depth, np.zeros(2))
    cc, mlo = cluster.seen("CC"), cluster.seen("MLO")

    np.testing.assert_array_equal(cc.y, y)
    np.testing.assert_array_equal(mlo.x, x)
    np.testing.assert_allclose(mlo.y, (y + depth) / np.sqrt(2))
    assert pytest.approx(np.pi / 4) == OBLIQUE


@pytest.mark.parametrize("morphology", MORPHOLOGIES)
def test_every_type_has_the_same_particles_in_both_views(morphology):
    for seed in range(5):
        cc, mlo = (
            calcify(morphology, "", 25.6, np.random.default_rng(seed), view)
            for view in ("CC", "MLO")
        )
        np.testing.assert_array_equal(cc.a, mlo.a)
        np.testing.assert_allclose(cc.x, mlo.x)
        assert (cc.y != mlo.y).any()


def spread(sites):
    """Standard deviations along and across, and the median of the nearest."""
    points = np.stack([sites.x, sites.y], axis=1)
    values = np.sqrt(np.linalg.eigvalsh(np.cov(points.T)))
    distance = scipy.spatial.distance.squareform(scipy.spatial.distance.pdist(points))
    np.fill_diagonal(distance, np.inf)
    return *values, np.median(distance.min(axis=1))


@pytest.mark.parametrize("distribution", [*DISTRIBUTIONS, "CLUSTERED-LINEAR"])
def test_each_view_is_distributed_as_a_lesion_of_one_view(distribution):
    n = 400

    def spreads(draw, seed):
        rngs = (np.random.default_rng([seed, k]) for k in range(n))
        return np.array([spread(draw(rng)) for rng in rngs])

    def seen(view):
        return lambda rng: place_in_space(distribution, 12, 25.6, rng, 0.5).seen(view)

    flat = spreads(lambda rng: place(distribution, 12, 25.6, rng, 0.5), 0)
    for view in ("CC", "MLO"):
        other = spreads(seen(view), 1)
        for k in range(flat.shape[1]):
            # The critical value of the two-sample test at 0.001.
            distance = ks_2samp(flat[:, k], other[:, k]).statistic
            assert distance < 1.95 * np.sqrt(2 / n), (view, k)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_the_two_views_of_a_cluster_are_neither_equal_nor_unrelated(distribution):
    cc, mlo = [], []
    for seed in range(60):
        cluster = place_in_space(distribution, 16, 25.6, np.random.default_rng(seed))
        cc.append(cluster.seen("CC").y)
        mlo.append(cluster.seen("MLO").y)
    agree = np.corrcoef(np.ravel(cc), np.ravel(mlo))[0, 1]
    low = 0.9 if distribution == "LINEAR" else 0.55

    assert low < agree < 0.999
