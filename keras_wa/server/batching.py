"""Dynamic batching: classifies the ROIs of several requests together.

A network is faster on a batch of ROIs than on one ROI at a time: 71.5 ROIs per second
from 64 clients, against 30 ms for one ROI (docs/serving.md). So the first ROI waits a
short time for others, and ROIs that arrive while the network is busy form the next
batch. A full batch is run immediately, in parallel to the current one, since one batch
does not keep all cores busy all the time. uvicorn and Starlette have no such queue.
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
    """The queue is full: requests arrive faster than the network classifies them."""


@dataclasses.dataclass
class _Job:
    views: Pixels
    future: Future[Outputs]
    arrived: float
    taken: int = 0
    parts: dict[int, Outputs] = dataclasses.field(default_factory=dict)


_Piece = tuple[_Job, int, Pixels]
"""A job, the index of the first of its ROIs in the piece, and these ROIs."""


class Batcher:
    """A queue of ROIs, and threads that classify them in batches.

    Args:
        classify: maps uint8 `(n, size, size)` to `(n, ...)`; called by several threads.
        batch: maximum batch size.
        wait_s: seconds that the first ROI of a batch waits for others.
        most_waiting: maximum number of ROIs in the queue.
        on_batch: called with the size of each batch.
        at_once: maximum number of batches in parallel. While one is running, only full
            batches are started.
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
        # Daemon threads: a network that hangs must not keep the process alive.
        self._threads = [
            threading.Thread(target=self._work, name="batches", daemon=True)
            for _ in range(at_once)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """The number of ROIs in the queue."""
        return self._waiting

    def submit(self, views: Pixels) -> Future[Outputs]:
        """Queues ROIs, uint8 `(n, size, size)`, which may take several batches.

        Returns:
            A future of the outputs, `(n, ...)`. ROIs are not classified if it is
            cancelled in time.

        Raises:
            QueueFullError: there is not enough room, or the queue is closed.
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
        """Stops the threads once the queue is empty; returns whether they did."""
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
        """Returns the seconds until the next batch; `None` until the queue changes."""
        if self._waiting >= self._batch or (self._jobs and self._closed):
            return 0.0
        if self._running or not self._jobs:
            return None
        return max(0.0, self._jobs[0].arrived + self._wait_s - time.monotonic())

    def _next(self) -> list[_Piece] | None:
        """Takes the pieces of one batch; `None` once the queue is closed and empty."""
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
                self._change.notify()  # Each job notified one thread only.
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
            # Passed on to the waiting requests; the thread continues.
            for job, *_ in pieces:
                with contextlib.suppress(InvalidStateError):  # Failed already.
                    job.future.set_exception(error)

    def _keep(self, job: _Job, start: int, outputs: Outputs) -> None:
        """Adds the outputs of a piece to its job; the last one completes the job."""
        with self._change:  # Another thread may finish another piece.
            job.parts[start] = outputs
            whole = sum(map(len, job.parts.values())) == len(job.views)
        if whole:
            parts = [job.parts[start] for start in sorted(job.parts)]
            job.future.set_result(np.concatenate(parts))
