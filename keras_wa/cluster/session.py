"""Starting Ray on this machine, or joining a cluster."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator

from keras_wa.cores import usable_cores
from keras_wa.errors import UserError, in_one_line

_ANSWER_S, _LOST_S, _FAILURES = 5.0, 2.0, 3
_PASSED_ON = ("KERAS_BACKEND", "MLFLOW_", "HF_")
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Else a task without a GPU warns that it will see none in future versions.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Connects to Ray inside the block.

    Ends the process with an error message if the head of the cluster stops responding.

    Args:
        address: `None` starts Ray on this machine, with the cores that this process may
            use, and stops it at the end. `HOST:PORT`, or `"auto"` for the cluster that
            runs here, joins a cluster; this machine must be one of its nodes.

    Raises:
        UserError: Ray is not installed, or does not answer at the address.
    """
    os.environ.update(_SETTINGS)
    try:
        import ray
    except ImportError:
        how = "Install it: pip install 'keras_wa[cluster]'."
        raise UserError(f"`ray` needs Ray, which is not installed. {how}") from None
    same = {k: v for k, v in os.environ.items() if k.startswith(_PASSED_ON)}
    try:
        if address not in (None, "auto"):
            _knock(address)
        ray.init(
            address or "local",
            num_cpus=None if address else usable_cores(),
            include_dashboard=None if address else False,
            runtime_env={"env_vars": same},
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise UserError(
            f"`ray`. Received: {address or 'this machine'} ({in_one_line(error)}); "
            "expected HOST:PORT of a Ray cluster that this machine is a node of."
        ) from error
    # It prints pages of what becomes an exception anyway. Private; Ray 2.53 to 2.60.
    ray._private.worker._worker_logs_enabled = False
    head, over = ray.get_runtime_context().gcs_address, threading.Event()
    threading.Thread(target=_watch, args=(head, over), daemon=True).start()
    try:
        yield
    except Exception as error:
        # Of Ray, if the connection is lost: then `_watch` ends the process meanwhile.
        if not isinstance(error, UserError) and getattr(error, "errno", None) is None:
            time.sleep((_FAILURES + 2) * _LOST_S)
        raise
    finally:
        over.set()
        ray.shutdown()


def _knock(address: str) -> None:
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=_ANSWER_S):
        pass


def _watch(head: str, over: threading.Event) -> None:
    """Ends the process when the head does not answer: no exception ends Ray's calls.

    Ray does the same after a minute, with a dump of its stack.
    """
    failures = 0
    while failures < _FAILURES:
        if over.wait(_LOST_S):
            return
        try:
            _knock(head)
            failures = 0
        except OSError:
            failures += 1
    said = (
        f"\nerror: The head of the Ray cluster, {head}, does not answer any more. When "
        "there is a cluster again, the same command continues the work.\n"
    )
    os.write(2, said.encode())
    os._exit(2)
