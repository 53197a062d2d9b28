from __future__ import annotations

import pytest

from keras_wa.evaluate.audit.wording import count, join, percent
from keras_wa.metrics import Estimate


def test_counts():
    assert [count(n, "ROI") for n in (0, 1, 1872)] == ["0 ROIs", "1 ROI", "1,872 ROIs"]


@pytest.mark.parametrize(
    ("words", "text"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_lists(words, text):
    assert join(words) == text


def test_percentages():
    assert percent(0.9004) == "90.0 %"
    assert percent(Estimate(0.9, 0.8, 0.95)) == "90.0 % (80.0 to 95.0)"
