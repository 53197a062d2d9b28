"""A file is told from another one that was put in its place."""

from __future__ import annotations

import os
import shutil
import time

from keras_wa.data.file_state import state_of


def test_a_copy_with_the_same_times_has_another_state(tmp_path):
    file = tmp_path / "a"
    file.write_text("a")
    state = state_of(file)
    assert state_of(file) == state
    time.sleep(0.05)  # Some file systems count time in steps of 10 ms.
    copied = state_of(shutil.copy2(file, tmp_path / "b"))
    assert copied[:2] == state[:2]
    assert copied != state
    os.utime(file, ns=(0, state[1]))
    assert state_of(file) != state


def test_a_file_that_is_gone_has_none(tmp_path):
    assert state_of(tmp_path / "gone") is None
