"""The flag `--ray` of commands whose work can be shared among processes."""

from __future__ import annotations

import argparse
import contextlib
import functools
from typing import Any

_HERE = "this machine"

# Some tenths of a second, and the lesions of a mammogram mostly in one task.
_ROIS = 16


def add_ray(
    parser: argparse.ArgumentParser, does: str = "do the work as tasks of Ray"
) -> None:
    """Adds `--ray`."""
    parser.add_argument(
        "--ray",
        nargs="?",
        type=_address,
        const=_HERE,
        metavar="HOST:PORT",
        help=f"{does}, on this machine or on the cluster of that address, which this "
        "machine must be a node of",
    )


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if text not in ("auto", _HERE) and not (host and port.isdigit()):
        raise argparse.ArgumentTypeError(
            f"must be HOST:PORT or auto. Received: {text!r}; for this machine write it "
            "last"
        )
    return text


def on_ray(args: argparse.Namespace) -> contextlib.AbstractContextManager[None]:
    """Returns the context of a connection to Ray; of none without `--ray`."""
    if args.ray is None:
        return contextlib.nullcontext()
    from keras_wa.cluster.session import connected

    return connected(None if args.ray == _HERE else args.ray)


def one_per_task(args: argparse.Namespace) -> Any:
    """Returns how runs are distributed: one per task; None without `--ray`."""
    if args.ray is None:
        return None
    from keras_wa.cluster.tasks import network_task, run_tasks

    return functools.partial(run_tasks, resources=network_task(), ahead=1)


def rois_in_tasks(args: argparse.Namespace) -> Any:
    """Returns how ROIs are distributed: some per task; None without `--ray`."""
    if args.ray is None:
        return None
    from keras_wa.cluster.tasks import READING, run_tasks

    return functools.partial(run_tasks, resources=READING, block=_ROIS)
