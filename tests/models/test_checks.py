"""Options out of range are refused in one line that names them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from keras_wa.errors import UserError
from keras_wa.models.checks import (
    check_choice,
    check_count,
    check_fraction,
    check_image_size,
)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (partial(check_choice, "x", choices=("a", 2)), ["a", 2], ["b", 1, None]),
        (partial(check_count, "x", least=3), [3, 9], [2, -1]),
        (partial(check_fraction, "x"), [0, 0.0, 0.999], [1, 1.5, -0.1, float("nan")]),
        (check_image_size, [32, 33, 224], [31, 0]),
        (partial(check_image_size, even=True), [32, 224], [31, 33]),
    ],
)
def test_the_good_pass_and_the_bad_are_told_in_one_line(
    check: Callable[[object], None], good: list, bad: list
) -> None:
    for value in good:
        check(value)
    for value in bad:
        with pytest.raises(UserError) as caught:
            check(value)
        message = str(caught.value)
        assert message.startswith(("`x` must", "`image_size` must"))
        assert message.endswith(f"Received: {value!r}")
        assert "\n" not in message
