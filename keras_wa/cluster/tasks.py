"""Runs a function on many items as Ray tasks, and survives workers and nodes that die.

Ray's own retries run a task again unchanged. Here a block of items whose worker was
killed is divided, so that the item that kills its process is found and left out, and a
node that reports an error of its disk or memory gets no more tasks.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from keras_wa.errors import UserError, in_one_line, may_pass

Item = TypeVar("Item")
Work = Callable[[list[Item]], list[Any]]

_TRIES = 3


class TaskLostError(UserError):
    """The worker of an item was killed, each time that it was tried."""


@dataclasses.dataclass(frozen=True)
class Resources:
    """What a task occupies while it runs.

    Attributes:
        cpus: cores.
        gpus: GPUs.
        memory: bytes of main memory.
    """

    cpus: float = 1
    gpus: float = 0
    memory: int = 0

    def options(self) -> dict[str, Any]:
        """Returns the options of a Ray task."""
        return {"num_cpus": self.cpus, "num_gpus": self.gpus, "memory": self.memory}

    def slots(self) -> int:
        """Returns how many such tasks the nodes that are alive can run at once.

        Raises:
            UserError: no node can run one.
        """
        import ray

        need = {"CPU": self.cpus, "GPU": self.gpus, "memory": self.memory}
        wanted = {name: amount for name, amount in need.items() if amount}
        slots = sum(
            int(min(node["Resources"].get(name, 0) / wanted[name] for name in wanted))
            for node in ray.nodes()
            if node["Alive"]
        )
        if not slots:
            raise UserError(
                "`ray`: no node of the cluster can run a task. Expected: "
                f"{self.cpus:g} CPUs, {self.gpus:g} GPUs and {self.memory / 1e9:.1f} "
                "GB of memory."
            )
        return slots


READING = Resources(memory=500_000_000)
"""A task that decodes mammograms."""

PREDICTING = Resources(memory=2_000_000_000)
"""A task that reads ROIs and runs the network on them."""


def training() -> Resources:
    """Returns the resources of a training: one of the GPUs, if there are any."""
    import ray

    gpus = 1 if ray.cluster_resources().get("GPU") else 0
    return Resources(gpus=gpus, memory=3_000_000_000)


@dataclasses.dataclass
class _Block:
    """Items of one task, and how often its worker was killed."""

    items: list[Any]
    deaths: int = 0


@dataclasses.dataclass(frozen=True)
class _NodeFault:
    """An error of the system of a node, not of the items."""

    node: str
    reason: str


def run_tasks(
    work: Work[Item],
    items: Iterable[Item],
    resources: Resources | None = None,
    block: int = 1,
    ahead: int = 2,
) -> Iterator[tuple[list[Item], list[Any]]]:
    """Runs a function on blocks of items, on the nodes that `connected` has joined.

    Every node needs this package and the current folder, with the same files. A node
    that dies gives its blocks back. When a worker dies, the items of its block are
    tried alone, each until its worker has died three times. On an error of a node's
    disk or memory its block goes to the other nodes, and so do all that follow.

    Args:
        work: function of a list of items to as many results, sent to each worker once.
            Its errors end the iteration.
        items: the items, taken when a task can be started.
        resources: what a task occupies; by default one core.
        block: number of items of a task.
        ahead: tasks that are started at most, as a multiple of those that can run. This
            bounds the results in memory.

    Yields:
        The items and results of each block, in the order in which they end. The result
        of an item that is given up is a `TaskLostError`.
    """
    import ray
    from ray.exceptions import (
        NodeDiedError,
        ObjectLostError,
        OutOfMemoryError,
        RayTaskError,
        WorkerCrashedError,
    )

    resources = resources or Resources()
    resources.slots()
    shared = ray.put((os.getcwd(), work))
    remote = ray.remote(max_retries=0, **resources.options())(_run)
    source = iter(items)
    fresh = iter(lambda: _Block(list(itertools.islice(source, block))), _Block([]))
    again: deque[_Block] = deque()
    running: dict[Any, _Block] = {}
    bad_nodes: set[str] = set()
    while True:
        most = ahead * resources.slots()
        while len(running) < most:
            following = again.popleft() if again else next(fresh, None)
            if following is None:
                break
            # In a list, so that Ray passes the reference and not the object.
            ref = remote.options(**_elsewhere(bad_nodes)).remote(
                [shared], following.items
            )
            running[ref] = following
        if not running:
            return
        done, _ = ray.wait(list(running), num_returns=1)
        for ref in done:
            ended = running.pop(ref)
            try:
                results = ray.get(ref)
            except RayTaskError as error:
                if isinstance(error.cause, UserError):
                    raise error.cause from None
                raise
            except (NodeDiedError, ObjectLostError):
                again.append(ended)
                continue
            except (WorkerCrashedError, OutOfMemoryError):
                deaths = ended.deaths + 1
                if deaths == _TRIES:
                    reason = f"its process was killed {_TRIES} times"
                    yield ended.items, [TaskLostError(reason)]
                else:
                    again += [_Block([item], deaths) for item in ended.items]
                continue
            if isinstance(results, _NodeFault):
                bad_nodes.add(results.node)
                _require_others(bad_nodes, results.reason)
                again.append(ended)
            else:
                yield ended.items, results


def _run(shared: list[Any], items: list[Any]) -> list[Any] | _NodeFault:
    """Runs a block in a worker."""
    import ray

    try:
        return _work_of(*shared)(items)
    except Exception as error:
        if not may_pass(error):
            raise
        return _NodeFault(ray.get_runtime_context().get_node_id(), in_one_line(error))


@functools.lru_cache(maxsize=1)
def _work_of(reference: Any) -> Work[Any]:
    """Returns the function of a job; it is unpickled once a worker."""
    import ray

    folder, work = ray.get(reference)
    try:
        os.chdir(folder)
    except OSError as error:
        raise UserError(
            f"{folder}: not on every node of the Ray cluster ({error.strerror}). "
            "Expected: a folder that all nodes share."
        ) from None
    return work


def _elsewhere(nodes: set[str]) -> dict[str, Any]:
    """Returns the options of a task that does not run on these nodes."""
    if not nodes:
        return {}
    return {"label_selector": {"ray.io/node-id": f"!in({','.join(sorted(nodes))})"}}


def _require_others(nodes: set[str], reason: str) -> None:
    import ray

    if {node["NodeID"] for node in ray.nodes() if node["Alive"]} <= nodes:
        raise UserError(
            f"`ray`: no node is left that can do the work. The last one: {reason}"
        )
