"""ROIs of many requests go through the network together.

A network needs less time for several ROIs at once than one by one. So the first ROI
that comes waits a moment for others, and those that come while the network is busy go
next.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Outputs = NDArray[np.float64]


class QueueFullError(Exception):
    """No room for more ROIs: the network does not keep up."""


@dataclasses.dataclass
class _Job:
    views: Pixels
    future: Future[Outputs]
    arrived: float
    taken: int = 0
    parts: list[Outputs] = dataclasses.field(default_factory=list)


class Batcher:
    """A queue, and one thread that takes from it to the network.

    Args:
        classify: uint8 `(n, size, size)` -> `(n, classes)`; called by one thread.
        batch: ROIs at once, at most.
        wait_s: how long the first ROI of a batch waits for others, seconds.
        most_waiting: ROIs in the queue, at most.
        on_batch: told the number of ROIs in each batch.
    """

    def __init__(
        self,
        classify: Callable[[Pixels], Outputs],
        batch: int,
        wait_s: float,
        most_waiting: int,
        on_batch: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._classify = classify
        self._batch, self._wait_s, self._most = batch, wait_s, most_waiting
        self._on_batch = on_batch
        self._jobs: deque[_Job] = deque()
        self._waiting = 0
        self._closed = False
        self._change = threading.Condition()
        # A daemon: a network that hangs shall not keep the process alive.
        self._thread = threading.Thread(target=self._work, name="batches", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """ROIs in the queue."""
        return self._waiting

    def submit(self, views: Pixels) -> Future[Outputs]:
        """Queues ROIs, uint8 `(n, size, size)`.

        Returns:
            Their outputs to be, `(n, classes)`. More ROIs than a batch holds go in
            several; ROIs whose future is cancelled in time are not classified.

        Raises:
            QueueFullError: there is no room for them, or the queue is closed.
        """
        job = _Job(views, Future(), time.monotonic())
        with self._change:
            if self._closed or self._waiting + len(views) > self._most:
                raise QueueFullError
            self._jobs.append(job)
            self._waiting += len(views)
            self._change.notify()
        return job.future

    def close(self, timeout_s: float) -> bool:
        """Ends the thread once the queue is empty. Returns whether it has ended."""
        with self._change:
            self._closed = True
            self._change.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while True:
            pieces = self._next()
            if pieces is None:
                return
            if pieces:
                self._run(pieces)

    def _next(self) -> list[tuple[_Job, Pixels]] | None:
        """Parts of jobs for one batch; `None` once the queue is closed and empty."""
        with self._change:
            while not self._jobs:
                if self._closed:
                    return None
                self._change.wait()
            until = self._jobs[0].arrived + self._wait_s
            while self._waiting < self._batch and not self._closed:
                rest = until - time.monotonic()
                if rest <= 0:
                    break
                self._change.wait(rest)
            pieces, room = [], self._batch
            while self._jobs and room:
                job = self._jobs[0]
                if job.taken == 0 and not job.future.set_running_or_notify_cancel():
                    self._waiting -= len(job.views)
                    self._jobs.popleft()
                    continue
                part = job.views[job.taken : job.taken + room]
                pieces.append((job, part))
                job.taken += len(part)
                room -= len(part)
                self._waiting -= len(part)
                if job.taken == len(job.views):
                    self._jobs.popleft()
            return pieces

    def _run(self, pieces: list[tuple[_Job, Pixels]]) -> None:
        self._on_batch(sum(len(part) for _, part in pieces))
        try:
            outputs = self._classify(np.concatenate([part for _, part in pieces]))
        except Exception as error:
            # Whoever waits has to hear of it, and the thread goes on.
            for job, _ in pieces:
                if not job.future.done():
                    job.future.set_exception(error)
            return
        start = 0
        for job, part in pieces:
            job.parts.append(outputs[start : start + len(part)])
            start += len(part)
            if sum(map(len, job.parts)) == len(job.views) and not job.future.done():
                job.future.set_result(np.concatenate(job.parts))
