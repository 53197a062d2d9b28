"""Each gets its own outputs, however requests fall into batches."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest

from keras_wa.server.batching import Batcher, Outputs, Pixels, QueueFullError
from tests.waiting import DEADLINE_S


class Network:
    """Says of each ROI its first grey level; `gate` holds it up while it is clear."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.sizes: list[int] = []

    def __call__(self, views: Pixels) -> Outputs:
        self.entered.set()
        assert self.gate.wait(DEADLINE_S)
        self.sizes.append(len(views))
        if (views[:, 0, 0] == 255).any():
            raise ZeroDivisionError("ours")
        return views[:, 0, :1].astype(float)


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network()
    yield network
    network.gate.set()


def rois(*levels: int) -> Pixels:
    return np.stack([np.full((2, 2), level, np.uint8) for level in levels])


def values(future: Future[Outputs]) -> list[float]:
    return future.result(DEADLINE_S)[:, 0].tolist()


def occupy(batcher: Batcher, network: Network) -> Future[Outputs]:
    """A request that keeps the network busy until its gate is set."""
    network.gate.clear()
    busy = batcher.submit(rois(0))
    assert network.entered.wait(DEADLINE_S)
    return busy


def test_what_comes_while_the_network_is_busy_goes_together(network: Network) -> None:
    batcher = Batcher(network, 8, 0, 100)
    busy = occupy(batcher, network)
    futures = [batcher.submit(rois(i, 100 + i)) for i in range(1, 4)]
    assert batcher.waiting == 6
    network.gate.set()
    assert values(busy) == [0]
    assert [values(each) for each in futures] == [[i, 100 + i] for i in range(1, 4)]
    assert network.sizes == [1, 6]
    assert batcher.waiting == 0
    assert batcher.close(DEADLINE_S)


def test_a_full_batch_goes_beside_the_one_under_way_and_a_third_waits(
    network: Network,
) -> None:
    batcher = Batcher(network, 3, 0, 100)
    busy = occupy(batcher, network)
    network.entered.clear()
    beside = batcher.submit(rois(1, 2, 3))
    assert network.entered.wait(DEADLINE_S)
    third = batcher.submit(rois(4, 5, 6))
    assert batcher.waiting == 3
    network.gate.set()
    assert [values(each) for each in (busy, beside, third)] == [
        [0],
        [1, 2, 3],
        [4, 5, 6],
    ]
    assert sorted(network.sizes) == [1, 3, 3]
    assert batcher.close(DEADLINE_S)


def test_parts_that_end_in_another_order_are_put_together_in_theirs() -> None:
    later = threading.Event()

    def network(views: Pixels) -> Outputs:
        if views[0, 0, 0] == 0:
            assert later.wait(DEADLINE_S)
        else:
            later.set()
        return views[:, 0, :1].astype(float)

    batcher = Batcher(network, 4, 0, 100)
    assert values(batcher.submit(rois(*range(8)))) == list(range(8))
    assert batcher.close(DEADLINE_S)


def test_many_who_ask_at_once_get_their_own(network: Network) -> None:
    batcher = Batcher(network, 4, 0.001, 1000)
    asked = [[(7 * i + j) % 255 for j in range(i % 6 + 1)] for i in range(200)]
    with ThreadPoolExecutor(8) as clients:
        futures = clients.map(lambda levels: batcher.submit(rois(*levels)), asked)
        assert [values(each) for each in futures] == asked
    assert sum(network.sizes) == sum(map(len, asked))
    assert max(network.sizes) == 4
    assert batcher.close(DEADLINE_S)


def test_more_than_a_batch_goes_in_several_and_keeps_its_order(
    network: Network,
) -> None:
    batcher = Batcher(network, 4, 0, 100)
    assert values(batcher.submit(rois(*range(11)))) == list(range(11))
    assert max(network.sizes) == 4
    assert batcher.close(DEADLINE_S)


def test_the_first_waits_for_others_and_no_longer_than_it_should(
    network: Network,
) -> None:
    batcher = Batcher(network, 3, 2 * DEADLINE_S, 100)
    futures = [batcher.submit(rois(i)) for i in range(3)]
    # A full batch waits for nobody.
    assert [values(each) for each in futures] == [[0], [1], [2]]
    assert batcher.close(DEADLINE_S)
    batcher = Batcher(network, 3, 0.2, 100)
    began = time.monotonic()
    assert values(batcher.submit(rois(7))) == [7]
    assert time.monotonic() - began >= 0.2
    assert network.sizes == [3, 1]
    assert batcher.close(DEADLINE_S)


def test_a_full_queue_refuses_and_takes_again_once_there_is_room(
    network: Network,
) -> None:
    batcher = Batcher(network, 2, 0, 4, at_once=1)
    busy = occupy(batcher, network)
    queued = batcher.submit(rois(1, 2, 3))
    with pytest.raises(QueueFullError):
        batcher.submit(rois(4, 5))
    network.gate.set()
    assert values(busy) + values(queued) == [0, 1, 2, 3]
    assert values(batcher.submit(rois(4, 5))) == [4, 5]
    assert batcher.close(DEADLINE_S)


def test_what_nobody_waits_for_is_not_classified(network: Network) -> None:
    batcher = Batcher(network, 8, 0, 100)
    occupy(batcher, network)
    given_up, kept = batcher.submit(rois(1, 2, 3)), batcher.submit(rois(4))
    assert given_up.cancel()
    network.gate.set()
    assert values(kept) == [4]
    assert network.sizes == [1, 1]
    assert batcher.waiting == 0
    assert batcher.close(DEADLINE_S)


def test_an_error_reaches_those_of_its_batch_and_the_next_go_on(
    network: Network,
) -> None:
    batcher = Batcher(network, 2, 0, 100)
    busy = occupy(batcher, network)
    bad, fine = batcher.submit(rois(255, 1)), batcher.submit(rois(2))
    network.gate.set()
    assert values(busy) == [0]
    with pytest.raises(ZeroDivisionError):
        bad.result(DEADLINE_S)
    assert values(fine) == [2]
    assert batcher.close(DEADLINE_S)


def test_closed_it_finishes_what_it_has_and_takes_no_more(network: Network) -> None:
    batcher = Batcher(network, 2, 0, 100)
    occupy(batcher, network)
    queued = batcher.submit(rois(1, 2, 3))
    assert not batcher.close(0.05), "the network is busy"
    with pytest.raises(QueueFullError):
        batcher.submit(rois(4))
    network.gate.set()
    assert values(queued) == [1, 2, 3]
    assert batcher.close(DEADLINE_S)
