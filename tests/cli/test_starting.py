"""What makes a command's start short changes nothing else."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest

from keras_wa.cli.starting import begun, without_collecting
from tests.imports import deep_learning_libraries_of
from tests.waiting import DEADLINE_S


def test_collecting_goes_on_afterwards_also_after_an_error():
    assert gc.isenabled()
    with without_collecting():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), without_collecting():
        _ = 1 / 0
    assert gc.isenabled()


def test_collecting_that_was_off_stays_off():
    with without_collecting():
        with without_collecting():
            pass
        assert not gc.isenabled()


def test_the_first_value_is_made_unasked_and_the_others_when_asked_for():
    made: list[int] = []
    first = threading.Event()

    def values() -> Iterator[int]:
        for number in range(3):
            made.append(number)
            first.set()
            yield number

    found = begun(values())
    assert first.wait(DEADLINE_S)
    assert made == [0]
    assert list(found) == [0, 1, 2]


def test_nothing_stays_nothing_and_an_error_is_raised_when_asked_for():
    assert list(begun([])) == []
    found = begun(1 / number for number in (0, 1))
    with pytest.raises(ZeroDivisionError):
        next(found)


def test_mammograms_are_searched_without_tensorflow():
    assert deep_learning_libraries_of("import keras_wa.inference.targets") == []
