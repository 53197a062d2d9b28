from __future__ import annotations

import math

import pytest

from keras_wa.evaluation.multiplicity import holm


def test_holms_adjustment_is_that_done_by_hand():
    # Sorted: 0.01 x 4, 0.02 x 3, 0.03 x 2, 0.04 x 1, none below the one before it.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]) == pytest.approx([1, 1])


@pytest.mark.parametrize("wrong", [[0.5, math.nan], [1.2], [-0.1], []])
def test_what_is_no_p_value_is_refused(wrong):
    with pytest.raises(ValueError, match="Received"):
        holm(wrong)
