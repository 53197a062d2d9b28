"""Heat lies in [0, 1] and shows evidence for the class alone."""

from __future__ import annotations

import numpy as np

from keras_wa.explain.heat import as_heat


def test_evidence_against_is_cut_off_and_the_highest_becomes_one() -> None:
    heat = as_heat([[[-3.0, 1.0], [2.0, 4.0]], [[0.0, 0.01], [0.0, -1.0]]])
    assert heat.dtype == np.float32
    assert heat.tolist() == [[[0, 0.25], [0.5, 1]], [[0, 1], [0, 0]]]


def test_a_map_without_evidence_stays_zero() -> None:
    assert not as_heat(np.full((2, 3, 3), -1.0)).any()
