"""Options out of range are refused in one line that names them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import pytest

from keras_wa.errors import UserError
from keras_wa.models import list_models, model_options
from keras_wa.models.checks import check_choice, check_image_size
from keras_wa.models.registry import check_options
from keras_wa.models.resnet50 import wa_resnet50


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (partial(check_choice, "x", choices=("a", 2)), ["a", 2], ["b", 1, None]),
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


@pytest.mark.parametrize(
    ("size", "even", "near"),
    [
        (33, True, "32 or 34"),
        (225, True, "224 or 226"),
        (31, False, "32"),
        (0, True, "32"),
    ],
)
def test_an_image_size_that_does_not_work_names_the_nearest_that_do(
    size: int, even: bool, near: str
) -> None:
    with pytest.raises(UserError, match=rf"the nearest: {near}\. Received: {size}$"):
        check_image_size(size, even)
    for each in near.split(" or "):
        check_image_size(int(each), even)


NUMBERS = [
    (name, option)
    for name in list_models()
    for option, default in model_options(name).items()
    if isinstance(default, (int, float)) and not isinstance(default, bool)
]


@pytest.mark.parametrize(("name", "option"), NUMBERS)
def test_every_number_of_every_model_is_checked_without_a_build(
    name: str, option: str
) -> None:
    outside = [math.nan, math.inf, -math.inf, 10**400, True, "1", [1]]
    default = model_options(name)[option]
    if isinstance(default, int):  # Of whole numbers that are choices the builder knows.
        outside = [each for each in outside if each != 10**400]
    if option in ("bn_momentum", "dropout"):
        outside += [1, 1.0, -1e-9]
    if option in ("width", "depth", "heads", "se_ratio", "patch_size"):
        outside += [0, -1, 10_001, 10**400]
    for value in outside:
        with pytest.raises(UserError, match=f"`{option}` must be"):
            check_options(name, {option: value})
    check_options(name, {option: default})


def test_a_builder_that_is_called_by_itself_checks_its_options_too() -> None:
    with pytest.raises(UserError, match="`bn_momentum` must be at least 0 and below 1"):
        wa_resnet50(bn_momentum=1.0)
