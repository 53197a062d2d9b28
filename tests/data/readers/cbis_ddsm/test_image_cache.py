"""Decoded images that are kept for the next lesion of the same mammogram."""

from __future__ import annotations

import pickle
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


def test_an_image_is_decoded_once_while_it_is_recent():
    decoder = Decoder()
    images = RecentImages(decoder, capacity=2)
    assert images("a") is images("a")
    images("b")
    images("a")
    images("c")  # b is the one that was not wanted for longest.
    images("a")
    assert decoder.decoded == ["a", "b", "c"]
    assert images("b").digest == "b"
    assert decoder.decoded == ["a", "b", "c", "b"]


@pytest.mark.parametrize("wanted", ["aaaa", "ab"])  # b pushes a out.
def test_who_comes_while_it_is_decoded_waits_for_the_same_image(wanted):
    decoder = Decoder()
    decoder.gate.clear()
    images = RecentImages(decoder, capacity=1)
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(images, name) for name in wanted]
        decoder.gate.set()
        found = [each.result(10) for each in waiting]
    assert [each.digest for each in found] == list(wanted)
    assert len(set(map(id, found))) == len(decoder.decoded) == len(set(wanted))


def test_a_failure_is_told_to_each_and_not_kept():
    decoder = Decoder()
    images = RecentImages(decoder)
    for _ in range(2):
        with pytest.raises(UserError, match="bad"):
            images("bad")
    assert decoder.decoded == ["bad", "bad"]


def decode(path: str) -> GreyImage:
    return GreyImage(np.zeros((2, 2), np.uint8), digest=path)


def test_another_process_gets_an_empty_cache() -> None:
    cache = RecentImages(decode, capacity=2)
    assert cache("a").digest == "a"
    copy = pickle.loads(pickle.dumps(cache))
    assert copy._images == {}
    assert copy._capacity == 2
    assert copy("b").digest == "b"
