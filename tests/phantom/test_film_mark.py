from __future__ import annotations

import numpy as np
import pytest

from keras_wa.phantom.film import write_mark


def marked(side="LEFT", view="CC", shape=(660, 440)):
    film = np.zeros(shape, np.uint16)
    write_mark(film, side, view)
    return film > 0


def test_mark_is_in_the_upper_corner_away_from_the_chest_wall():
    for side, columns in (("LEFT", slice(220, None)), ("RIGHT", slice(0, 220))):
        mark = marked(side)
        assert mark[:220, columns].sum() == mark.sum() > 300


def test_mark_tells_side_and_view():
    marks = [
        marked(side, view)[:, ::step]
        for side, step in (("LEFT", 1), ("RIGHT", 1))
        for view in ("CC", "MLO")
    ]
    for i, first in enumerate(marks):
        for second in marks[:i]:
            assert (first != second).any()


def test_letters_are_what_they_should_be():
    film = marked("RIGHT", "L", (330, 220))
    rows, columns = np.flatnonzero(film.any(1)), np.flatnonzero(film.any(0))
    first = film[rows[0] : rows[0] + 7, columns[0] + 6 : columns[0] + 11]

    # R, then L: a stroke down and one along the bottom.
    np.testing.assert_array_equal(first[:, 0], True)
    np.testing.assert_array_equal(first[-1], True)
    assert first.sum() == 11


def test_mark_grows_with_the_film():
    small, large = marked(shape=(330, 220)), marked(shape=(990, 660))

    assert large.sum() == 9 * small.sum()


@pytest.mark.parametrize("shape", [(64, 64), (64, 300), (300, 64)])
def test_a_tiny_film_is_no_error(shape):
    assert marked("RIGHT", "MLO", shape).any()


def test_letters_that_the_alphabet_lacks_are_left_out():
    np.testing.assert_array_equal(marked(view="CC"), marked(view="CxC"))
