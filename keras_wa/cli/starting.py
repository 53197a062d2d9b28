"""What makes a command's start short and quiet, and starts it again."""

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
from typing import NoReturn, TypeVar

T = TypeVar("T")


@contextlib.contextmanager
def without_collecting() -> Iterator[None]:
    """Keeps Python from looking for garbage, of which imports leave none.

    It would go again and again through all that TensorFlow has made so far, which takes
    1.0 of the 4.6 CPU seconds until the libraries are there.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def begun(values: Iterable[T]) -> Iterator[T]:
    """The same values, of which the first is made in a thread from now on."""
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
    """Holds back what TensorFlow's C++ code writes to stderr while it starts.

    It reports a missing GPU as an error, twice, before any log level holds. If the body
    fails, what was held back is shown.
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
    """Ignores what Pillow and pydicom warn of in a file.

    What is wrong with it is raised as a `UserError`, or noted.
    """
    with warnings.catch_warnings():
        for library in ("PIL", "pydicom"):
            warnings.filterwarnings("ignore", category=UserWarning, module=library)
        yield


def start_keras(find_devices: bool = True) -> None:
    """Imports Keras, and TensorFlow with its devices, without its banner.

    With another backend TensorFlow need not be there.

    Args:
        find_devices: several processes have to be connected before.
    """
    with quiet_start(), without_collecting():
        from keras_wa.backend import on_tensorflow

        if not on_tensorflow():
            return
        import tensorflow as tf

        # Its warnings in Python are about code, which is ours: a user cannot act on
        # them.
        tf.get_logger().setLevel("ERROR")
        if find_devices:
            tf.config.list_logical_devices()


def start_anew(resume: bool) -> NoReturn:
    """Replaces this process by the same command, to wait for the others again.

    Args:
        resume: carry on with the run, which has begun.
    """
    command = [sys.executable, *sys.orig_argv[1:]]
    if resume and "--resume" not in command:
        command.append("--resume")
    # TensorFlow's server would keep its port open in the new process.
    for name in os.listdir("/dev/fd"):
        if int(name) > 2:
            try:
                os.set_inheritable(int(name), False)
            except OSError:  # The one that listdir had open.
                continue
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(command[0], command)
