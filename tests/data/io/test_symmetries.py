"""The eight symmetries of the square move pixels and change none."""

from __future__ import annotations

import numpy as np
import pytest

from keras_wa.data.io.symmetries import apply_symmetry

IMAGE = np.array([[1, 2], [3, 4]], np.uint8)


@pytest.mark.parametrize(
    ("symmetry", "expected"),
    [
        (0, [[1, 2], [3, 4]]),
        (1, [[2, 4], [1, 3]]),
        (2, [[4, 3], [2, 1]]),
        (3, [[3, 1], [4, 2]]),
        (4, [[2, 1], [4, 3]]),
        (5, [[1, 3], [2, 4]]),
        (6, [[3, 4], [1, 2]]),
        (7, [[4, 2], [3, 1]]),
    ],
)
def test_each_symmetry_by_hand(symmetry, expected):
    found = apply_symmetry(IMAGE, symmetry)
    assert found.dtype == np.uint8
    assert found.tolist() == expected


@pytest.mark.parametrize("symmetry", [-1, 8])
def test_a_ninth_symmetry_is_refused(symmetry):
    with pytest.raises(ValueError, match=f"0 to 7. Received: {symmetry}"):
        apply_symmetry(IMAGE, symmetry)


@pytest.mark.parametrize("shape", [(2, 3), (3,), (1, 2, 2)])
def test_what_is_no_square_is_refused(shape):
    with pytest.raises(ValueError, match=r"square image\. Received: shape"):
        apply_symmetry(np.zeros(shape, np.uint8), 1)
