"""Tests of Ctrl-C do not depend on the shell that starts them."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests import ctrl_c

PRESS = "import os, signal; os.kill(os.getpid(), signal.SIGINT)"


def press() -> int:
    """What a process that presses Ctrl-C ends with."""
    command = [sys.executable, "-c", PRESS]
    return subprocess.run(command, capture_output=True).returncode


def test_ctrl_c_is_heard_here_and_in_processes_though_a_shell_ignores_it() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert press() == 0
        with ctrl_c.heard():
            assert press() == -signal.SIGINT
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
