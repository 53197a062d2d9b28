"""Decoded images that are kept for the next lesion of the same mammogram."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from keras_wa.data.io import GreyImage
from keras_wa.data.readers.cbis_ddsm.image_cache import RecentImages
from keras_wa.errors import UserError
from tests.waiting import DEADLINE_S


class Decoder:
    """Counts what is decoded; waits for `gate`, and fails on `"bad"`."""

    def __init__(self) -> None:
        self.decoded: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, path: str) -> GreyImage:
        self.decoded.append(path)
        assert self.gate.wait(DEADLINE_S)
        if path == "bad":
            raise UserError("bad")
        return GreyImage(np.zeros((2, 2), np.uint8), digest=path)


@pytest.fixture
def decoder() -> Decoder:
    return Decoder()


def test_an_image_is_decoded_once_while_it_is_recent(decoder):
    images = RecentImages(decoder, capacity=2)
    assert images("a") is images("a")
    images("b")
    images("a")
    images("c")  # b is the one that was not wanted for longest.
    images("a")
    assert decoder.decoded == ["a", "b", "c"]
    images("b")
    assert decoder.decoded == ["a", "b", "c", "b"]
    assert images("b").digest == "b"


def test_no_more_than_the_capacity_is_kept(decoder):
    images = RecentImages(decoder, capacity=3)
    for name in "abcdef":
        images(name)
    assert list(images._images) == ["d", "e", "f"]


def test_who_comes_while_it_is_decoded_waits_for_the_same_image(decoder):
    decoder.gate.clear()
    images = RecentImages(decoder, capacity=1)
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(images, "a") for _ in range(4)]
        decoder.gate.set()
        found = {id(each.result(10)) for each in waiting}
    assert len(found) == 1
    assert decoder.decoded == ["a"]


def test_an_image_that_was_pushed_out_while_it_was_decoded_is_still_given(decoder):
    decoder.gate.clear()
    images = RecentImages(decoder, capacity=1)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(images, name) for name in "ab"]
        decoder.gate.set()
        assert [each.result(10).digest for each in both] == ["a", "b"]


def test_a_failure_is_told_to_each_and_not_kept(decoder):
    images = RecentImages(decoder)
    for _ in range(2):
        with pytest.raises(UserError, match="bad"):
            images("bad")
    assert decoder.decoded == ["bad", "bad"]
    assert not images._images
