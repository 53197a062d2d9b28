"""Tasks on a cluster of two nodes, some of which die."""

from __future__ import annotations

import errno
import logging
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from keras_wa.cluster import tasks
from keras_wa.cluster.tasks import run_tasks
from keras_wa.errors import UserError
from tests.cluster.conftest import Work
from tests.waiting import until


def squares(work: Work, count: int, block: int = 1) -> dict[int, int | UserError]:
    """Returns item -> result; each must come once."""
    found: dict[int, int | UserError] = {}
    for items, results in run_tasks(work, range(count), block=block):
        for item, result in zip(items, results, strict=True):
            assert item not in found
            found[item] = result
    return found


class OnWhichNode(Work):
    """Returns the node that an item was on."""

    def square(self, item: int, call: int) -> int:
        super().square(item, call)
        return int(os.environ["NODE"])


@pytest.mark.slow
@pytest.mark.usefixtures("joined")
def test_all_nodes_work_and_no_more_is_begun_than_can_run_soon(tmp_path: Path) -> None:
    taken = 0

    def items():
        nonlocal taken
        for taken in range(12):  # noqa: UP028
            yield taken

    nodes = set()
    work = OnWhichNode(tmp_path, 0.3)
    for done, (_, (node,)) in enumerate(run_tasks(work, items(), ahead=2)):
        nodes.add(node)
        assert taken <= done + 2 * 2
    assert nodes == {0, 1}


class SlowFirst(Work):
    """Item 0 takes longer than all others."""

    def square(self, item: int, call: int) -> int:
        time.sleep(3.0 * (item == 0))
        return super().square(item, call)


@pytest.mark.usefixtures("joined")
def test_only_so_many_blocks_end_before_an_earlier_one(tmp_path: Path) -> None:
    """`predict` keeps their results until it can write them in order."""
    ended = [i for ((i,), _) in run_tasks(SlowFirst(tmp_path), range(200), ahead=1)]
    assert sorted(ended) == list(range(200))
    assert 1 < ended.index(0) <= tasks._LEAD * 2


class KilledOnce(Work):
    """The worker of item 3 is killed at its first try."""

    def square(self, item: int, call: int) -> int:
        if item == 3 and call == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().square(item, call)


@pytest.mark.slow
@pytest.mark.usefixtures("joined")
def test_the_block_of_a_killed_worker_is_done_again(tmp_path: Path) -> None:
    assert squares(KilledOnce(tmp_path), 8, 4) == {i: i**2 for i in range(8)}


class Killing(Work):
    """Item 3 kills its worker, whenever it is tried."""

    def square(self, item: int, call: int) -> int:
        if item == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().square(item, call)


@pytest.mark.usefixtures("joined")
def test_an_item_that_kills_its_process_is_given_up_after_three_tries(
    tmp_path: Path,
) -> None:
    work = Killing(tmp_path)
    found = squares(work, 8, 4)
    lost = found.pop(3)
    assert isinstance(lost, UserError)
    assert str(lost) == "its process was killed 3 times"
    assert found == {i: i**2 for i in range(8) if i != 3}
    assert work.calls(3) == 3


class Hanging(Work):
    """Never ends on node 2."""

    def square(self, item: int, call: int) -> int:
        if os.environ["NODE"] == "2":
            (self.folder / "hangs").touch()
            time.sleep(1000)
        return super().square(item, call)


@pytest.mark.slow
def test_the_tasks_of_a_node_that_dies_are_done_elsewhere(
    joined: Cluster, tmp_path: Path
) -> None:
    node = joined.add_node(num_cpus=2, env_vars={"NODE": "2"})

    def kill() -> None:
        until((tmp_path / "hangs").exists)
        joined.remove_node(node, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    assert squares(Hanging(tmp_path, 0.1), 12) == {i: i**2 for i in range(12)}
    killer.join()


class DiskFull(Work):
    """The disk of node 1, or of all nodes, is full."""

    everywhere = False

    def square(self, item: int, call: int) -> int:
        if self.everywhere or os.environ["NODE"] == "1":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().square(item, call)


@pytest.mark.slow
@pytest.mark.usefixtures("joined")
def test_a_node_whose_disk_is_full_gets_no_more_work(tmp_path: Path) -> None:
    work = DiskFull(tmp_path, 0.1)
    assert squares(work, 30) == {i: i**2 for i in range(30)}
    # Those that it had been given before its first error; a node that has just died
    # may still be counted.
    assert len(list(tmp_path.iterdir())) <= 30 + 8
    work.everywhere = True
    with pytest.raises(UserError, match=r"no node is left .* No space left on device"):
        squares(work, 4)


class Noisy(Work):
    """Logs a warning for each item, with its parity."""

    def square(self, item: int, call: int) -> int:
        logging.getLogger("keras_wa.somewhere").warning("item %d", item % 2)
        return super().square(item, call)


@pytest.mark.usefixtures("joined")
def test_a_warning_of_several_tasks_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert squares(Noisy(tmp_path), 8, 2) == {i: i**2 for i in range(8)}
    assert sorted(caplog.messages) == ["item 0", "item 1"]


class Refusing(Work):
    """Refuses item 2."""

    def square(self, item: int, call: int) -> int:
        if item == 2:
            raise UserError("`item`. Received: 2.")
        return super().square(item, call)


@pytest.mark.slow
@pytest.mark.usefixtures("joined")
def test_an_error_of_the_user_is_raised_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        squares(Refusing(tmp_path), 4)
    assert str(caught.value) == "`item`. Received: 2."


@pytest.mark.slow
@pytest.mark.usefixtures("joined")
def test_what_no_node_has_is_not_waited_for(tmp_path: Path) -> None:
    needed = {"num_cpus": 1, "num_gpus": 2, "memory": 2e9}
    with pytest.raises(UserError, match="Expected: CPU 1, GPU 2, memory 2e"):
        list(run_tasks(Work(tmp_path), [1], needed))
