"""Starting Ray on this machine, or joining a cluster."""

from __future__ import annotations

import _thread
import contextlib
import logging
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

from keras_wa.cores import usable_cores
from keras_wa.errors import UserError, in_one_line

_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Else a task without a GPU warns that it will see none in future versions.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
_ANSWER_S, _LOST_S = 5.0, 10.0


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Connects to Ray inside the block.

    Args:
        address: `None` starts Ray on this machine, with the cores that this process may
            use, and stops it at the end. `HOST:PORT`, or `"auto"` for the cluster that
            runs here, joins a cluster; this machine must be one of its nodes.

    Raises:
        UserError: Ray is not installed, does not answer at the address, or its head is
            lost.
    """
    os.environ.update(_SETTINGS)
    try:
        import ray
    except ImportError:
        raise UserError(
            "`ray` needs Ray, which is not installed. Install it: "
            "pip install 'keras_wa[cluster]'."
        ) from None
    here = {"num_cpus": usable_cores(), "include_dashboard": False}
    options: dict[str, Any] = {} if address else here
    try:
        if address not in (None, "auto"):
            _knock(address)
        ray.init(
            address or "local",
            **options,
            runtime_env={"env_vars": _same_backend()},
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(
            f"`ray`. Received: {address or 'this machine'} ({in_one_line(error)}); "
            "expected HOST:PORT of a Ray cluster that this machine is a node of."
        ) from error
    # It prints what becomes an exception anyway, with pages of logs, to stdout.
    ray._private.worker._worker_logs_enabled = False
    head = ray.get_runtime_context().gcs_address
    lost, over = threading.Event(), threading.Event()
    threading.Thread(target=_watch, args=(head, lost, over), daemon=True).start()
    try:
        yield
    except KeyboardInterrupt:
        if lost.is_set():
            raise UserError(
                f"The head of the Ray cluster, {head}, does not answer any more. Start "
                "the cluster anew; the same command continues the work."
            ) from None
        raise
    finally:
        over.set()
        ray.shutdown()


def _same_backend() -> dict[str, str]:
    name = "KERAS_BACKEND"
    return {name: os.environ[name]} if name in os.environ else {}


def _knock(address: str) -> None:
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=_ANSWER_S):
        pass


def _watch(head: str, lost: threading.Event, over: threading.Event) -> None:
    """Interrupts the main thread when the head does not answer.

    Ray itself ends the process after a minute, with a dump of its stack.
    """
    failures = 0
    while not over.wait(_LOST_S / 5):
        try:
            _knock(head)
            failures = 0
        except OSError:
            failures += 1
        if failures == 3:
            lost.set()
            _thread.interrupt_main()
            return
