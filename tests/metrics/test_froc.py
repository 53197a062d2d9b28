from __future__ import annotations

import math

import numpy as np
import pytest

from keras_wa.metrics.froc import froc_curve, froc_estimate
from keras_wa.metrics.hits import MarkedImage
from tests.evaluate.tables import expanded

MISSED = -math.inf

# Four lesions on three of four images. By falling score: hit 9, false 8, hit 7,
# false 5 and hit 5 (together), false 3, false 2; one lesion is never hit.
IMAGES = [
    MarkedImage("a", (9.0,), (8.0, 2.0)),
    MarkedImage("b", (7.0, MISSED), ()),
    MarkedImage("c", (5.0,), (5.0,)),
    MarkedImage("d", (), (3.0,)),
]


def many(seed, patients=12):
    rng = np.random.default_rng(seed)
    images = []
    for i in range(patients):
        shift = rng.normal()
        for _ in range(rng.integers(1, 4)):
            scores = np.round(rng.normal(shift + 1, 1, rng.integers(0, 3)), 1)
            found = [s if rng.random() < 0.8 else MISSED for s in scores]
            false = np.round(rng.normal(shift, 1, rng.integers(0, 4)), 1)
            images.append(MarkedImage(f"p{i}", tuple(found), tuple(false)))
    return images


def slow(images, rate):
    """Sensitivity at a rate, by trying every threshold."""
    lesions = sum(len(each.found) for each in images)
    best = 0.0
    for threshold in {s for each in images for s in (*each.found, *each.false)}:
        false = sum(s >= threshold for each in images for s in each.false)
        if threshold > MISSED and false <= rate * len(images):
            hits = sum(s >= threshold for each in images for s in each.found)
            best = max(best, hits / lesions)
    return best


def test_the_curve_of_a_hand_worked_example():
    curve = froc_curve(IMAGES)
    assert curve.threshold.tolist() == [math.inf, 9, 8, 7, 5, 3, 2]
    assert curve.false_per_image.tolist() == [0, 0, 0.25, 0.25, 0.5, 0.75, 1.0]
    assert curve.sensitivity.tolist() == [0, 0.25, 0.25, 0.5, 0.75, 0.75, 0.75]


def test_the_numbers_of_a_hand_worked_example():
    rates = (0, 0.2, 0.25, 0.5, 5)
    estimate = froc_estimate(IMAGES, rates, most_false=2, n_resamples=5)
    values = {rate: each.value for rate, each in estimate.sensitivity.items()}
    assert values == {0: 0.25, 0.2: 0.25, 0.25: 0.5, 0.5: 0.75, 5: 0.75}
    # Steps: 1/4 up to 0.25, 1/2 up to 0.5, 3/4 up to 2; over a width of 2.
    assert estimate.area.value == pytest.approx((0.25 / 4 + 0.5 / 4 + 0.75 * 1.5) / 2)
    assert (estimate.images, estimate.lesions, estimate.patients) == (4, 4, 4)


def test_an_area_may_end_within_a_step():
    estimate = froc_estimate(IMAGES, most_false=0.4, n_resamples=5)
    assert estimate.area.value == pytest.approx((0.25 * 0.25 + 0.5 * 0.15) / 0.4)


def test_the_sensitivity_at_each_rate_is_that_of_the_best_threshold():
    images = many(3)
    rates = (0.0, 0.1, 0.3, 0.5, 0.9, 1.0, 1.5, 4.0)
    found = froc_estimate(images, rates, n_resamples=2).sensitivity
    for rate in rates:
        assert found[rate].value == pytest.approx(slow(images, rate)), rate


def test_a_rate_that_rounding_makes_smaller_still_allows_its_false_positives():
    assert 0.29 * 100 < 29
    images = [
        MarkedImage(f"p{i}", (1.0,) if i == 0 else (), (2.0,) if i < 29 else ())
        for i in range(100)
    ]
    estimate = froc_estimate(images, (0.28, 0.29), n_resamples=2)
    assert [each.value for each in estimate.sensitivity.values()] == [0, 1]


def test_the_area_is_the_mean_of_the_sensitivities_up_to_its_end():
    images = many(4)
    rates = (np.arange(2000) + 0.5) / 1000
    estimate = froc_estimate(images, rates, most_false=2.0, n_resamples=1)
    mean = np.mean([each.value for each in estimate.sensitivity.values()])
    assert estimate.area.value == pytest.approx(mean, abs=2e-3)


def test_the_interval_is_that_of_patients_drawn_by_a_slow_loop():
    images = many(5)
    names = sorted({each.patient for each in images})
    draws = np.random.default_rng(8).multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=200
    )
    values = []
    for counts in draws:
        drawn = [
            each
            for name, count in zip(names, counts, strict=True)
            for each in images
            if each.patient == name
            for _ in range(count)
        ]
        values.append(slow(drawn, 0.5))
    low, high = np.quantile(values, expanded(len(names), 0.9))
    estimate = froc_estimate(
        images, (0.5,), n_resamples=200, seed=8, confidence=0.9
    ).sensitivity[0.5]
    assert estimate.low == pytest.approx(low)
    assert estimate.high == pytest.approx(high)
    assert estimate.low < estimate.value < estimate.high


def test_two_images_of_one_patient_are_resampled_together():
    apart = many(6)
    together = [
        MarkedImage(f"q{i // 9}", m.found, m.false) for i, m in enumerate(apart)
    ]
    for images, patients in ((apart, 12), (together, -(-len(apart) // 9))):
        assert froc_estimate(images, n_resamples=2).patients == patients
    first, second = (froc_estimate(each, seed=1).area for each in (apart, together))
    assert first.value == second.value
    assert (first.low, first.high) != (second.low, second.high)


def test_the_order_of_the_images_does_not_matter():
    images = many(7)
    assert froc_estimate(images) == froc_estimate(images[::-1])


def test_resamples_without_a_lesion_are_left_out():
    estimate = froc_estimate(IMAGES[2:], (1.0,), n_resamples=400)
    # Of two patients one has the lesion; the other is drawn twice in a quarter.
    assert estimate.sensitivity[1.0].n_dropped == pytest.approx(100, abs=30)
    assert estimate.sensitivity[1.0].low == 1.0


def test_one_patient_has_no_interval():
    area = froc_estimate(IMAGES[:1], n_resamples=5).area
    assert area.value == 1.0
    assert math.isnan(area.low)
    assert math.isnan(area.high)


def test_a_detector_that_gives_nothing_finds_nothing():
    silent = [MarkedImage("a", (MISSED,), ()), MarkedImage("b", (), ())]
    estimate = froc_estimate(silent, n_resamples=20)
    assert estimate.area.value == 0
    assert froc_curve(silent).sensitivity.tolist() == [0]


def test_without_a_lesion_there_is_no_curve():
    for images in (IMAGES[3:], []):
        with pytest.raises(ValueError, match=r"lesion|empty"):
            froc_curve(images)


@pytest.mark.parametrize("arguments", [{"rates": (-1,)}, {"most_false": 0}])
def test_a_rate_out_of_range_is_an_error(arguments):
    with pytest.raises(ValueError, match="rates and most_false: Received"):
        froc_estimate(IMAGES, **arguments)
