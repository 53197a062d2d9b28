from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm, t, ttest_ind

from keras_wa.metrics.delong import (
    auc,
    delong,
    delong_seeds_test,
    delong_test,
    t_p_value,
)
from tests.evaluate.tables import clustered_rois, seeds_of, small_set

# Albumin, total protein and Krebs-Goplerud score of 43 women with ovarian cancer, and
# whether surgery helped them: the example of DeLong, DeLong & Clarke-Pearson 1988.
_PATIENTS = np.fromstring(
    """
    3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0
    2.5 5.7 8 0  1.6 5.6 5 1  3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1
    4.1 6.6 5 1  3.6 5.7 5 1  4.3 7.0 4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0
    4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1  3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1
    3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1  3.2 5.1 5 1  2.6 4.7 6 1
    3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1  3.5 6.2 5 1
    2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1
    3.6 6.6 5 1
    """,
    sep=" ",
).reshape(-1, 4)
OUTCOME = _PATIENTS[:, 3].astype(int)
# A low Krebs-Goplerud score is a good one.
MARKERS = np.stack([_PATIENTS[:, 0], _PATIENTS[:, 1], -_PATIENTS[:, 2]])


def slow(labels, scores, groups):
    """Obuchowski 1997, equation by equation, from every pair of ROIs."""
    k, names = len(scores), sorted(set(groups))
    positives = [i for i, label in enumerate(labels) if label == 1]
    negatives = [i for i, label in enumerate(labels) if label == 0]
    m, n = len(positives), len(negatives)

    def wins(s, i, j):
        return 1.0 if s[i] > s[j] else 0.5 if s[i] == s[j] else 0.0

    v10 = [
        {i: sum(wins(s, i, j) for j in negatives) / n for i in positives}
        for s in scores
    ]
    v01 = [
        {j: sum(wins(s, i, j) for i in positives) / m for j in negatives}
        for s in scores
    ]
    theta = [sum(v.values()) / m for v in v10]

    def deviation(values, auc, name):
        return sum(value - auc for i, value in values.items() if groups[i] == name)

    i10 = len({groups[i] for i in positives})
    i01 = len({groups[j] for j in negatives})
    covariance = np.zeros((k, k))
    for r in range(k):
        for s in range(k):
            x = [[deviation(v10[a], theta[a], name) for name in names] for a in (r, s)]
            y = [[deviation(v01[a], theta[a], name) for name in names] for a in (r, s)]
            s10 = i10 / ((i10 - 1) * m) * np.dot(x[0], x[1])
            s01 = i01 / ((i01 - 1) * n) * np.dot(y[0], y[1])
            size = len(names)
            s11 = size / (size - 1) * np.dot(x[0], y[1])
            s11_turned = size / (size - 1) * np.dot(x[1], y[0])
            covariance[r, s] = s10 / m + s01 / n + (s11 + s11_turned) / (m * n)
    return theta, covariance


def test_the_worked_example_of_the_paper():
    # The areas and standard errors that SAS/STAT prints for the data of DeLong et al.
    # (PROC LOGISTIC, "Comparing receiver operating characteristic curves").
    aucs, covariance = delong(OUTCOME, MARKERS)
    assert aucs == pytest.approx([0.7366, 0.6478, 0.7258], abs=5e-5)
    errors = np.sqrt(np.diag(covariance))
    assert errors == pytest.approx([0.0927, 0.1000, 0.1028], abs=5e-5)
    contrast = covariance[0, 0] + covariance[2, 2] - 2 * covariance[0, 2]
    assert math.sqrt(contrast) == pytest.approx(0.0953, abs=5e-5)


def test_the_p_value_of_the_worked_example():
    # z = (0.7366 - 0.7258) / 0.0953
    found = delong_test(OUTCOME, MARKERS[0], MARKERS[2])
    assert found == pytest.approx(2 * norm.sf(0.0108 / 0.0953), abs=2e-3)


@pytest.mark.parametrize("levels", [None, 4], ids=["no-ties", "many-ties"])
@pytest.mark.parametrize("seed", range(3))
def test_clustered_equals_the_formula_computed_pair_by_pair(seed, levels):
    labels, first, patients = small_set(seed, levels)
    second = np.round(0.5 * first + np.random.default_rng(seed).random(40), 1)
    aucs, covariance = delong(labels, [first, second], patients)
    theta, expected = slow(labels, [first, second], patients)
    assert aucs == pytest.approx(theta, abs=1e-12)
    assert covariance == pytest.approx(expected, abs=1e-14)


def test_independent_equals_the_formula_with_each_roi_its_own_patient():
    labels, first, _ = small_set(4, levels=6)
    second = np.random.default_rng(0).random(40)
    _, covariance = delong(labels, [first, second])
    alone = np.arange(40)
    _, own = delong(labels, [first, second], alone)
    assert np.array_equal(covariance, own)
    assert covariance == pytest.approx(slow(labels, [first, second], alone)[1])


def test_patients_of_several_rois_count_as_one():
    # Each ROI three times over is no more data: the clustered variance stays.
    labels, scores, _ = small_set(5)
    _, once = delong(labels, [scores])
    thrice = [np.repeat(each, 3) for each in (labels, scores, np.arange(40))]
    _, clustered = delong(thrice[0], [thrice[1]], thrice[2])
    _, naive = delong(thrice[0], [thrice[1]])
    assert clustered == pytest.approx(once, rel=1e-12)
    assert naive[0, 0] < 0.4 * once[0, 0]


def test_the_variance_is_near_that_of_the_jackknife_by_patient():
    labels, scores, patients = clustered_rois(np.random.default_rng(6), 80, 3)
    _, covariance = delong(labels, [scores], patients)
    left = [
        delong(labels[patients != name], [scores[patients != name]])[0][0]
        for name in range(80)
    ]
    jackknife = 79 / 80 * np.sum((left - np.mean(left)) ** 2)
    assert covariance[0, 0] == pytest.approx(jackknife, rel=0.03)


@pytest.mark.parametrize("mixed", [False, True], ids=["pure-patients", "mixed"])
def test_the_clustered_variance_is_that_of_simulated_data(mixed):
    rng = np.random.default_rng(7)
    aucs, clustered, naive = [], [], []
    for _ in range(800):
        labels, scores, patients = clustered_rois(rng, 60, 4, mixed=mixed)
        value, covariance = delong(labels, [scores], patients)
        aucs.append(value[0])
        clustered.append(covariance[0, 0])
        naive.append(delong(labels, [scores])[1][0, 0])
    # The Monte-Carlo error of a variance from 800 values is 5 %.
    empirical = np.var(aucs, ddof=1)
    assert np.mean(clustered) == pytest.approx(empirical, rel=0.11)
    # ROIs taken as independent: too narrow where a patient's are all of one kind, too
    # wide where both kinds share its effect.
    assert (np.mean(naive) > 1.3 * empirical) == mixed
    assert (np.mean(naive) < 0.7 * empirical) == (not mixed)


def test_the_interval_is_normal_on_the_logit_scale():
    found = auc(OUTCOME, MARKERS[0], confidence=0.9)
    value, error = found.value, found.standard_error
    assert error == pytest.approx(0.0927, abs=5e-5)
    odds = math.exp(1.6448536 * error / (value * (1 - value)))
    for end, factor in ((found.low, 1 / odds), (found.high, odds)):
        assert end / (1 - end) == pytest.approx(factor * value / (1 - value), rel=1e-6)


def test_the_same_ranking_has_p_1():
    labels, scores, patients = small_set(8)
    assert delong_test(labels, scores, 3 * scores - 7, patients) == 1


def test_p_values_are_uniform_where_nothing_differs():
    rng = np.random.default_rng(9)
    p_values = []
    for _ in range(400):
        labels, scores, patients = clustered_rois(rng, 60, 3)
        noise = rng.normal(0, 0.7, (2, len(labels)))
        p_values.append(delong_test(labels, *(scores + noise), patients))
    # The standard error of a share of 5 % in 400 is 1.1 points.
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.035)
    assert np.mean(np.array(p_values) < 0.5) == pytest.approx(0.5, abs=0.08)


def test_the_p_value_is_that_of_a_t_test_and_normal_without_end():
    first, second = np.random.default_rng(10).normal(0, 1, (2, 6))
    expected = ttest_ind(first, second, equal_var=False)
    parts = [each.var(ddof=1) / 6 for each in (first, second)]
    found = t_p_value(first.mean() - second.mean(), sum(parts), expected.df)
    assert found == pytest.approx(expected.pvalue)
    assert t_p_value(-1.96, 1.0) == pytest.approx(2 * norm.sf(1.96))


def test_the_variance_between_seeds_is_added():
    rng = np.random.default_rng(11)
    labels, patients = rng.integers(2, size=60), rng.integers(20, size=60)
    a, b = (seeds_of(rng, labels, patients, n_seeds) for n_seeds in (3, 2))
    aucs, c = delong(labels, [*a, *b], patients)
    of_patients = c[:3, :3].mean() + c[3:, 3:].mean() - 2 * c[:3, 3:].mean()
    of_a, of_b = aucs[:3].var(ddof=1) / 3, aucs[3:].var(ddof=1) / 2
    variance = of_patients + of_a + of_b
    freedom = variance**2 / (of_a**2 / 2 + of_b**2 / 1)
    z = abs(aucs[:3].mean() - aucs[3:].mean()) / variance**0.5
    p_value = delong_seeds_test(labels, a, b, patients)
    assert p_value == pytest.approx(2 * t.sf(z, freedom))
    assert p_value > 2 * norm.sf(z)
    # A single seed has no variance to add.
    one = delong_seeds_test(labels, a[:1], b[:1], patients)
    assert one == delong_test(labels, a[0], b[0], patients)


@pytest.mark.parametrize(("n_seeds", "seed_sd"), [(5, 0.0), (5, 0.3), (2, 1.0)])
def test_systems_that_do_not_differ_rarely_have_a_small_p_value(n_seeds, seed_sd):
    rng = np.random.default_rng(12)
    p_values = []
    for _ in range(250):
        labels, patients = rng.integers(2, size=120), rng.integers(50, size=120)
        a, b = (seeds_of(rng, labels, patients, n_seeds, 1.0, seed_sd) for _ in "ab")
        p_values.append(delong_seeds_test(labels, a, b, patients))
    # At 5 % the standard error of a share of 250 is 1.4 points. With two seeds that
    # differ widely, a normal test finds a difference in 18 % of the cases.
    assert np.mean(np.array(p_values) < 0.05) <= 0.085


def test_systems_that_differ_have_a_small_p_value():
    rng = np.random.default_rng(13)
    labels, patients = rng.integers(2, size=120), rng.integers(50, size=120)
    a, b = (seeds_of(rng, labels, patients, 5, gain) for gain in (0.5, 3.0))
    assert delong_seeds_test(labels, a, b, patients) < 1e-4


def test_what_has_no_variance_has_no_interval():
    perfect = auc([0, 0, 1, 1], [1, 2, 3, 4])
    assert (perfect.value, perfect.standard_error) == (1, 0)
    assert math.isnan(perfect.low)
    one_class = auc([1, 1], [1, 2])
    assert math.isnan(one_class.value)
    assert math.isnan(one_class.high)
    one_patient = auc([0, 1, 0, 1], [1, 2, 3, 4], ["a"] * 4)
    assert one_patient.value == 0.75
    assert math.isnan(one_patient.standard_error)
    assert math.isnan(t_p_value(0.1, 0.0))


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="lengths must be equal"):
        delong([0, 1], [[0.1, 0.2, 0.3]])
    with pytest.raises(ValueError, match="lengths must be equal"):
        delong_test([0, 1], [0.1, 0.2], [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="must be finite"):
        delong([0, 1], [[0.1, math.nan]])
    with pytest.raises(ValueError, match="confidence"):
        auc([0, 1], [0.1, 0.2], confidence=95)
