"""Runs a function on many items as Ray tasks, and survives workers and nodes that die.

Ray retries a task unchanged. Here a block whose worker was killed is divided, to find
the item that kills its process, and a node with a full disk gets no more tasks.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import logging.handlers
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import ray
from ray import exceptions as of_ray

from keras_wa.errors import UserError, in_one_line, may_pass

Item = TypeVar("Item")
Work = Callable[[list[Item]], list[Any]]
Resources = Mapping[str, float]
"""What a task occupies: `num_cpus`, `num_gpus`, and `memory` in bytes."""

READING: Resources = {"num_cpus": 1, "memory": 500_000_000}  # Decodes mammograms.

_log = logging.getLogger(__name__)
_NAMES = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
_TRIES = 3
_LEAD = 8  # Blocks that may overtake an earlier one, as a multiple of started tasks.


def network_task(memory: int = 3_000_000_000) -> Resources:
    """Returns what a task of a network occupies: a GPU if the cluster has any."""
    gpus = 1 if ray.cluster_resources().get("GPU") else 0
    return {"num_cpus": 1, "num_gpus": gpus, "memory": memory}


@dataclasses.dataclass
class _Block:
    """Items of one task, and how often its worker was killed."""

    items: list[Any]
    number: int
    deaths: int = 0


def run_tasks(
    work: Work[Item],
    items: Iterable[Item],
    resources: Resources = READING,
    block: int = 1,
    ahead: int = 2,
    reuse: bool = False,
) -> Iterator[tuple[list[Item], list[Any]]]:
    """Runs a function on blocks of items, on the nodes that `connected` has joined.

    Every node needs this package and the current folder, with the same files. The
    blocks of a node that dies, or has no disk or memory left, go to the other nodes.
    When a worker dies, the items of its block are tried alone, each until its worker
    has died three times. A warning that tasks log is logged here once.

    Args:
        work: function of a list of items to as many results, sent to each worker once.
            Its errors end the iteration.
        items: the items, taken when a task can be started.
        resources: what a task occupies.
        block: number of items of a task.
        ahead: tasks that are started at most, as a multiple of those that can run. No
            block is started long before an earlier one has ended. Both bound the
            results in memory.
        reuse: whether a worker with a GPU does several tasks, to open a model once.

    Yields:
        The items and results of each block, in the order in which they end. The result
        of an item that is given up is a `UserError`.
    """
    shared = ray.put((os.getcwd(), work))
    options: dict[str, Any] = {"max_calls": 0} if reuse else {}
    remote = ray.remote(**{"max_retries": 0, **options, **resources})(_run)
    source = iter(items)
    blocks = iter(lambda: list(itertools.islice(source, block)), [])
    fresh = map(_Block, blocks, itertools.count())
    again: deque[_Block] = deque()
    running: dict[Any, _Block] = {}
    faults: dict[str, str] = {}
    warned: set[str] = set()
    last = 0
    while True:
        most = ahead * _slots(resources, faults)
        while len(running) < most:
            oldest = min((each.number for each in running.values()), default=last)
            if not again and last - oldest >= _LEAD * most:
                break
            following = again.popleft() if again else next(fresh, None)
            if following is None:
                break
            last = max(last, following.number)
            where = {"ray.io/node-id": f"!in({','.join(faults)})"} if faults else None
            # In a list, so that Ray passes the reference and not the object.
            ref = remote.options(label_selector=where).remote([shared], following.items)
            running[ref] = following
        if not running:
            return
        for ref in ray.wait(list(running), timeout=5.0)[0]:  # Then nodes are counted.
            ended = running.pop(ref)
            try:
                results, warnings, fault = ray.get(ref)
            except of_ray.RayTaskError as error:
                known = isinstance(error.cause, UserError)
                raise (error.cause if known else error) from None
            except (of_ray.NodeDiedError, of_ray.ObjectLostError):
                again.append(ended)
            except (of_ray.WorkerCrashedError, of_ray.OutOfMemoryError) as lost:
                deaths = ended.deaths + 1
                if deaths == _TRIES:
                    failure = UserError(f"its process was killed {_TRIES} times")
                    if isinstance(lost, of_ray.OutOfMemoryError):  # May pass.
                        failure.__cause__ = MemoryError()
                    yield ended.items, [failure]
                else:
                    number = ended.number
                    again += [_Block([each], number, deaths) for each in ended.items]
            else:
                for warning in sorted(set(warnings) - warned):
                    _log.warning("%s", warning)
                warned.update(warnings)
                if fault is not None:
                    faults.update([fault])
                    again.append(ended)
                else:
                    yield ended.items, results


def _run(shared: list[Any], items: list[Any]) -> tuple[Any, ...]:
    """Returns results, warnings, and, if its system has a fault, node and reason."""
    results, fault = [], None
    log, held = logging.getLogger("keras_wa"), logging.handlers.BufferingHandler(10**9)
    held.setLevel(logging.WARNING)
    log.addHandler(held)
    try:
        results = _work_of(*shared)(items)
    except Exception as error:
        if not may_pass(error):
            raise
        fault = ray.get_runtime_context().get_node_id(), in_one_line(error)
    finally:
        log.removeHandler(held)
    return results, [record.getMessage() for record in held.buffer], fault


@functools.lru_cache(maxsize=1)
def _work_of(reference: Any) -> Work[Any]:
    """Returns the function of a job; it is unpickled once a worker."""
    folder, work = ray.get(reference)
    try:
        os.chdir(folder)
    except OSError as error:
        raise UserError(
            f"{folder}: not on every node of the Ray cluster ({error.strerror}). "
            "Expected: a folder that all nodes share."
        ) from None
    return work


def _slots(resources: Resources, faults: Mapping[str, str]) -> int:
    """Returns how many tasks the nodes without faults can run at once, at least one."""
    need = {_NAMES[name]: amount for name, amount in resources.items() if amount}
    slots = sum(
        int(min(node["Resources"].get(name, 0) / need[name] for name in need))
        for node in ray.nodes()
        if node["Alive"] and node["NodeID"] not in faults
    )
    if not slots:
        wanted = ", ".join(f"{name} {amount:g}" for name, amount in need.items())
        raise UserError(
            f"`ray`: no node is left that can do the work. Expected: {wanted}. "
            f"{' '.join(faults.values())}"
        )
    return slots
