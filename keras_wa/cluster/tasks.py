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
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from keras_wa.errors import UserError, in_one_line, may_pass

Item = TypeVar("Item")
Work = Callable[[list[Item]], list[Any]]

_TRIES = 3
_LOOK_S = 5.0
"""How often nodes are counted while no task ends."""


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

    def slots(self, faults: Mapping[str, str] | None = None) -> int:
        """Returns how many such tasks the nodes can run at once.

        Args:
            faults: nodes that do not count, with the reason.

        Raises:
            UserError: no node can run one.
        """
        import ray

        faults = faults or {}
        need = {"CPU": self.cpus, "GPU": self.gpus, "memory": self.memory}
        wanted = {name: amount for name, amount in need.items() if amount}
        slots = sum(
            int(min(node["Resources"].get(name, 0) / wanted[name] for name in wanted))
            for node in ray.nodes()
            if node["Alive"] and node["NodeID"] not in faults
        )
        if slots:
            return slots
        if faults:
            raise UserError(
                "`ray`: no node is left that can do the work. The last one: "
                f"{list(faults.values())[-1]}"
            )
        raise UserError(
            "`ray`: no node of the cluster can run a task. Expected: "
            f"{self.cpus:g} CPUs, {self.gpus:g} GPUs and {self.memory / 1e9:.1f} GB of "
            "memory."
        )


READING = Resources(memory=500_000_000)
"""A task that decodes mammograms."""


def network_task(memory: int = 3_000_000_000) -> Resources:
    """Returns the resources of a task that runs a network.

    It has a GPU to itself if the cluster has any. The default is a training's memory.
    """
    import ray

    gpus = 1 if ray.cluster_resources().get("GPU") else 0
    return Resources(gpus=gpus, memory=memory)


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
    shared = ray.put((os.getcwd(), work))
    remote = ray.remote(max_retries=0, **resources.options())(_run)
    source = iter(items)
    fresh = iter(lambda: _Block(list(itertools.islice(source, block))), _Block([]))
    again: deque[_Block] = deque()
    running: dict[Any, _Block] = {}
    faults: dict[str, str] = {}
    while True:
        most = ahead * resources.slots(faults)
        while len(running) < most:
            following = again.popleft() if again else next(fresh, None)
            if following is None:
                break
            # In a list, so that Ray passes the reference and not the object.
            ref = remote.options(**_elsewhere(faults)).remote([shared], following.items)
            running[ref] = following
        if not running:
            return
        done, _ = ray.wait(list(running), num_returns=1, timeout=_LOOK_S)
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
                faults[results.node] = results.reason
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


def _elsewhere(nodes: Iterable[str]) -> dict[str, Any]:
    """Returns the options of a task that does not run on these nodes."""
    names = ",".join(sorted(nodes))
    return {"label_selector": {"ray.io/node-id": f"!in({names})"}} if names else {}
