"""ROIs of many requests go through the network together.

A network needs less time for several ROIs at once than one by one. So the first ROI
that comes waits a moment for others, and those that come while the network is busy go
next. A full batch goes at once, beside the one that is under way: a processor's cores
then have work in those moments too in which one batch leaves some of them idle.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError

import numpy as np
from numpy.typing import NDArray

from keras_wa.inference.predicting import AT_ONCE

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
    parts: dict[int, Outputs] = dataclasses.field(default_factory=dict)


_Piece = tuple[_Job, int, Pixels]
"""ROIs of a job, and the number of the first of them in it."""


class Batcher:
    """A queue, and threads that take from it to the network.

    Args:
        classify: uint8 `(n, size, size)` -> `(n, classes)`; called by several threads.
        batch: ROIs at once, at most.
        wait_s: how long the first ROI of a batch waits for others, seconds.
        most_waiting: ROIs in the queue, at most.
        on_batch: told the number of ROIs in each batch.
        at_once: batches in the network, at most. Where one is, another goes once as
            many ROIs wait as fill it.
    """

    def __init__(
        self,
        classify: Callable[[Pixels], Outputs],
        batch: int,
        wait_s: float,
        most_waiting: int,
        on_batch: Callable[[int], None] = lambda _: None,
        at_once: int = AT_ONCE,
    ) -> None:
        self._classify = classify
        self._batch, self._wait_s, self._most = batch, wait_s, most_waiting
        self._on_batch = on_batch
        self._jobs: deque[_Job] = deque()
        self._waiting = self._running = 0
        self._closed = False
        self._change = threading.Condition()
        # Daemons: a network that hangs shall not keep the process alive.
        self._threads = [
            threading.Thread(target=self._work, name="batches", daemon=True)
            for _ in range(at_once)
        ]
        for thread in self._threads:
            thread.start()

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
        """Ends the threads once the queue is empty. Returns whether they have ended."""
        until = time.monotonic() + timeout_s
        with self._change:
            self._closed = True
            self._change.notify_all()
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while True:
            pieces = self._next()
            if pieces is None:
                return
            try:
                if pieces:
                    self._run(pieces)
            finally:
                with self._change:
                    self._running -= 1
                    self._change.notify()

    def _rest_s(self) -> float | None:
        """Seconds until a batch is to go; `None`: not before something changes."""
        if self._waiting >= self._batch or (self._jobs and self._closed):
            return 0.0
        if self._running or not self._jobs:
            return None
        return max(0.0, self._jobs[0].arrived + self._wait_s - time.monotonic())

    def _next(self) -> list[_Piece] | None:
        """Parts of jobs for one batch; `None` once the queue is closed and empty."""
        with self._change:
            while (rest := self._rest_s()) != 0:
                if self._closed:
                    return None
                self._change.wait(rest)
            self._running += 1
            pieces: list[_Piece] = []
            room = self._batch
            while self._jobs and room:
                job = self._jobs[0]
                if job.taken == 0 and not job.future.set_running_or_notify_cancel():
                    self._waiting -= len(job.views)
                    self._jobs.popleft()
                    continue
                part = job.views[job.taken : job.taken + room]
                pieces.append((job, job.taken, part))
                job.taken += len(part)
                room -= len(part)
                self._waiting -= len(part)
                if job.taken == len(job.views):
                    self._jobs.popleft()
            if self._jobs:
                self._change.notify()  # It was told once of them all.
            return pieces

    def _run(self, pieces: list[_Piece]) -> None:
        try:
            self._on_batch(sum(len(part) for *_, part in pieces))
            outputs = self._classify(np.concatenate([part for *_, part in pieces]))
            at = 0
            for job, start, part in pieces:
                self._keep(job, start, outputs[at : at + len(part)])
                at += len(part)
        except Exception as error:
            # Whoever waits has to hear of it, and the thread goes on.
            for job, *_ in pieces:
                with contextlib.suppress(InvalidStateError):  # By another part, too.
                    job.future.set_exception(error)

    def _keep(self, job: _Job, start: int, outputs: Outputs) -> None:
        """Adds a part's outputs to a job, and ends it with the last one."""
        with self._change:  # Another part may be done in another thread.
            job.parts[start] = outputs
            whole = sum(map(len, job.parts.values())) == len(job.views)
        if whole:
            parts = [job.parts[start] for start in sorted(job.parts)]
            job.future.set_result(np.concatenate(parts))
