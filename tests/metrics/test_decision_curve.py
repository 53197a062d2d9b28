from __future__ import annotations

import numpy as np
import pytest

from keras_wa.metrics.decision_curve import DECISION_THRESHOLDS, decision_curve
from tests.evaluate.tables import small_set


def test_net_benefit_is_that_worked_by_hand():
    labels = [1, 1, 0, 0, 0]
    table = decision_curve(labels, [0.9, 0.2, 0.6, 0.25, 0.1], [0.2, 0.25, 0.5])
    # At 0.2: 2 of 5 true and 2 of 5 false, each false one counting a quarter.
    # At 0.25 the 0.25 is acted on. At 0.5 a false one counts as much as a true one.
    expected = [2 / 5 - 2 / 5 / 4, 1 / 5 - 2 / 5 / 3, 1 / 5 - 1 / 5]
    assert table["model"].tolist() == pytest.approx(expected)
    everyone = [2 / 5 - 3 / 5 / 4, 2 / 5 - 3 / 5 / 3, 2 / 5 - 3 / 5]
    assert table["treat_all"].tolist() == pytest.approx(everyone)
    assert table["treat_none"].tolist() == [0, 0, 0]


def test_acting_on_everyone_is_the_model_that_is_always_sure():
    labels, _, _ = small_set(0)
    table = decision_curve(labels, np.ones(40))
    assert table["model"].tolist() == pytest.approx(table["treat_all"].tolist())
    assert table["threshold"].tolist() == list(DECISION_THRESHOLDS)


def test_a_perfect_model_is_worth_the_prevalence_at_any_threshold():
    labels, _, _ = small_set(1)
    table = decision_curve(labels, labels)
    assert table["model"].tolist() == pytest.approx([labels.mean()] * 99)


@pytest.mark.parametrize("thresholds", [[0.0, 0.5], [1.0], []])
def test_thresholds_without_a_weight_are_refused(thresholds):
    with pytest.raises(ValueError, match=r"thresholds must lie|non-empty"):
        decision_curve([0, 1], [0.1, 0.9], thresholds)
