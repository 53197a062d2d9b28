"""Data-parallel training of one model by several processes on one or more machines.

Each process holds the whole model on one device and takes its share of every batch.
Gradients, the statistics of batch normalisation and the loss are exchanged by
TensorFlow's collective operations. Keras sees one device only, and the weights are
those of one process that trains with the whole batch.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import signal
import threading
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras

from keras_wa.backend import on_tensorflow
from keras_wa.errors import UserError

if TYPE_CHECKING or on_tensorflow():
    import tensorflow as tf

# Keys of the collective operations, distinct from those of TensorFlow's strategies.
_GROUP = 1_000
_FIRST_INSTANCE = 10_000

# The errors that TensorFlow raises when another process has ended.
_LOST: tuple[type[Exception], ...] = (
    (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
        tf.errors.DeadlineExceededError,
    )
    if on_tensorflow()
    else ()
)


class WorkerLostError(RuntimeError):
    """Another process of the training has ended; this one cannot continue alone."""


class Workers:
    """The processes of a training, from the view of one of them.

    Attributes:
        index: index of this process. Only worker 0 validates and writes to the run.
        count: number of processes.
    """

    def __init__(self, index: int = 0, count: int = 1, engine: Any = None) -> None:
        self.index = index
        self.count = count
        self._engine = engine  # Keeps the connections open.
        self._instances: Iterator[int] = itertools.count(_FIRST_INSTANCE)
        if count > 1:
            # Operations on the same resource run in program order, which is the same
            # in every process. This prevents deadlocks.
            self._order = tf.Variable(0.0, trainable=False)

    @property
    def is_chief(self) -> bool:
        """Whether this process validates and writes to the run."""
        return self.index == 0

    def mean(self, tensor: tf.Tensor) -> tf.Tensor:
        """Returns the mean of a float tensor over all processes, in each of them.

        Every process must call this equally often, with tensors of the same shape and
        dtype.
        """
        if self.count == 1:
            return tensor
        return self._reduce(tensor, "Add") / tf.cast(self.count, tensor.dtype)

    def _most(self, tensor: tf.Tensor) -> tf.Tensor:
        return self._reduce(tensor, "Max")

    def _reduce(self, tensor: tf.Tensor, how: str) -> tf.Tensor:
        return tf.raw_ops.CollectiveReduceV2(
            input=tensor,
            group_size=self.count,
            group_key=_GROUP,
            instance_key=next(self._instances),
            ordering_token=[self._order.handle],
            merge_op=how,
            final_op="Id",
            communication_hint="auto",
        )

    def mean_of_all(self, tensors: Sequence[tf.Tensor | None]) -> list[Any]:
        """Returns the means of several tensors in one exchange; `None` stays `None`."""
        present = [tf.convert_to_tensor(each) for each in tensors if each is not None]
        flat = tf.concat(
            [tf.reshape(tf.cast(each, tf.float32), [-1]) for each in present], 0
        )
        sizes = [each.shape.num_elements() for each in present]
        parts = iter(tf.split(self.mean(flat), sizes))
        return [
            None
            if each is None
            else tf.cast(tf.reshape(next(parts), each.shape), each.dtype)
            for each in tensors
        ]

    def average_gradients(self, optimizer: keras.optimizers.Optimizer) -> None:
        """Makes an optimizer apply the mean of all processes' gradients.

        Pass the outermost optimizer, so that a loss scale sees the same overflow in
        every process.
        """
        if self.count == 1:
            return

        def apply(
            optimizer: Any, grads: Sequence[Any], trainable_variables: Any = None
        ) -> Any:
            means = self.mean_of_all(grads)
            return type(optimizer).apply(optimizer, means, trainable_variables)

        optimizer.apply = types.MethodType(apply, optimizer)

    def require_same(self, facts: Mapping[str, int]) -> None:
        """Checks that all processes agree, and waits until all of them have checked.

        Ctrl-C ends the process while it waits.

        Args:
            facts: description -> number below 2^53 to compare, such as a digest.

        Raises:
            UserError: a number differs; raised in every process.
            WorkerLostError: a process has ended.
        """
        if self.count == 1:
            return
        own = tf.constant(list(facts.values()), tf.float64)
        with raising_lost(), ending_at_ctrl_c():
            least, most = -self._most(-own).numpy(), self._most(own).numpy()
        differ = [what for what, a, b in zip(facts, least, most, strict=True) if a != b]
        if differ:
            self.wait_to_leave()
            raise UserError(
                f"The {self.count} workers differ in {' and '.join(differ)}. Start all "
                "of them with the same command, data and version of keras_wa."
            )

    def wait_to_leave(self) -> None:
        """Waits until no other process depends on this one any more."""
        if self.count > 1:
            # A process that has already ended does not need this one.
            with contextlib.suppress(*_LOST), ending_at_ctrl_c():
                self._most(tf.zeros(1)).numpy()


SINGLE_PROCESS = Workers()
"""The single process of an ordinary training."""


@contextlib.contextmanager
def raising_lost() -> Iterator[None]:
    """Raises `WorkerLostError` if another process ends during the block."""
    try:
        yield
    except _LOST as error:
        raise WorkerLostError(_reason(error)) from error


def _reason(error: Any) -> str:
    found = re.search(r"aborted by: ([^\n\[]+)", str(error.message))
    return found[1].strip() if found else type(error).__name__


@contextlib.contextmanager
def ending_at_ctrl_c() -> Iterator[None]:
    """Makes Ctrl-C end the process immediately during the block.

    Use it for waits inside TensorFlow, during which Python's handler does not run.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


class SharedLogs(keras.callbacks.Callback):
    """Replaces the logs of each process by the mean over all processes.

    The callback must come before those that read the logs, so that a NaN loss stops all
    processes at the same step.
    """

    def __init__(self, workers: Workers) -> None:
        super().__init__()
        self.workers = workers
        self._mean = tf.function(workers.mean)

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        self._share(logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._share(logs)

    def _share(self, logs: dict[str, Any] | None) -> None:
        if logs:
            means = self._mean(tf.constant(list(logs.values()), tf.float64)).numpy()
            logs.update(zip(logs, map(float, means), strict=True))
