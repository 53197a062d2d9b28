"""Starting a command fast and without output of libraries."""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


@contextlib.contextmanager
def without_collecting() -> Iterator[None]:
    """Disables garbage collection inside the block, to import faster.

    Imports leave no garbage. The collector would scan TensorFlow's objects again and
    again, which takes 1.0 of the 4.6 CPU seconds of the imports.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def begun(values: Iterable[T]) -> Iterator[T]:
    """Returns the same values; computes the first one in a thread immediately."""
    source = iter(values)
    pool = ThreadPoolExecutor(1)
    first = pool.submit(lambda: list(itertools.islice(source, 1)))
    pool.shutdown(wait=False)

    def all_of_them() -> Iterator[T]:
        yield from first.result()
        yield from source

    return all_of_them()


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Suppresses the output of TensorFlow's C++ code on stderr inside the block.

    TensorFlow reports a missing GPU as an error, twice, before a log level takes
    effect. If the block fails, the output is shown.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except Exception:
            sys.stderr.flush()
            held.seek(0)
            os.write(saved, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)


@contextlib.contextmanager
def quiet_decoders() -> Iterator[None]:
    """Ignores warnings of Pillow and pydicom inside the block.

    Problems of a file are raised as a `UserError`, or noted.
    """
    with warnings.catch_warnings():
        for library in ("PIL", "pydicom"):
            warnings.filterwarnings("ignore", category=UserWarning, module=library)
        yield


def start_keras() -> None:
    """Imports Keras, and TensorFlow with its devices, without startup messages.

    TensorFlow is optional with another backend.
    """
    with quiet_start(), without_collecting():
        from keras_wa.backend import on_tensorflow

        if not on_tensorflow():
            return
        import tensorflow as tf

        # Its warnings concern the code of this package: users cannot act on them.
        tf.get_logger().setLevel("ERROR")
        for gpu in tf.config.list_physical_devices("GPU"):
            # Otherwise it takes nearly all memory, and Ray tasks need some.
            tf.config.experimental.set_memory_growth(gpu, True)
        tf.config.list_logical_devices()
