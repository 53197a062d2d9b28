"""Starts what an image starts, as a careful `docker run` would."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dockerfile import Instruction, Tree
from tests.waiting import DEADLINE_S

# `docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges`.
_CONFINED = """
ip link set lo up
mount -t tmpfs tmpfs /tmp
mount -o remount,bind,ro /
exec "$@"
"""
AS_USER = (
    *("setpriv", "--reuid=1000", "--regid=1000", "--init-groups", "--no-new-privs"),
    *("--bounding-set=-all", "--inh-caps=-all", "--"),
)


@contextlib.contextmanager
def confined(tree: Tree, *words: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The service of a tree as long as the context lasts, once it takes requests.

    Args:
        tree: in which the target `serve` was carried out.
        *words: in place of its CMD.

    Yields:
        The process, which ends as the service does, and the id of the service's own.
        In its own namespace that is 1, as in a container without `--init`.
    """
    arguments = words or tree.settings["CMD"].words
    alone = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child")
    command = (*tree.settings["ENTRYPOINT"].words, *arguments)
    inside = ("sh", "-ec", _CONFINED, "sh", *AS_USER, *command)
    process = subprocess.Popen(
        tree.entering(*alone, *inside, directory=tree.directory),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    # Its end is that of its output, which is waited for below.
    alarm = threading.Timer(DEADLINE_S, _end, [process])
    alarm.start()
    with process:
        try:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if line.startswith("Serving ") and "http://0.0.0.0:8501" in line:
                    break
            else:
                done = f"took no requests within {DEADLINE_S:g} s, or ended"
                pytest.fail("".join([*said, f"The service {done}."]))
            alarm.cancel()
            (pid,) = _children(process)
            yield process, pid
        finally:
            alarm.cancel()
            _end(process)


def _children(process: subprocess.Popen[str]) -> list[int]:
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(pid) for pid in listed.read_text().split()]


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        # `--kill-child` alone does not do it: a change of the user takes it back.
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            for pid in _children(process):
                os.kill(pid, signal.SIGKILL)
        process.kill()


def health_command(check: Instruction) -> list[str]:
    """The command of a HEALTHCHECK, whose options come first."""
    return Instruction("CMD", check.text.split(" CMD ", 1)[1]).words
