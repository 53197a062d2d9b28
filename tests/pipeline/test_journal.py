"""What was done is known after an interruption; one process at a time."""

from __future__ import annotations

import subprocess
import sys

from keras_wa.pipeline import journal as journal_module
from keras_wa.pipeline.journal import Journal, locked


def test_a_journal_remembers_what_was_done(tmp_path):
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.add([(0, {}), (5, {"reason": "bad\nfile ü"})])
        journal.add(iter([(1, {})]))
        assert journal.done == {0: {}, 5: {"reason": "bad\nfile ü"}, 1: {}}
    with Journal(path) as journal:
        assert journal.done == {0: {}, 5: {"reason": "bad\nfile ü"}, 1: {}}


def test_a_line_that_was_cut_off_is_done_again(tmp_path):
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.add([(0, {}), (11, {})])
    text = path.read_text()
    path.write_text(text[: text.index("11") + 1])
    with Journal(path) as journal:
        assert journal.done == {0: {}}
        journal.add([(2, {})])
    with Journal(path) as journal:
        assert journal.done == {0: {}, 2: {}}


def test_a_fresh_journal_forgets(tmp_path):
    with Journal(tmp_path / "journal") as journal:
        journal.add([(0, {})])
    with Journal(tmp_path / "journal", fresh=True) as journal:
        assert journal.done == {}


TRY_LOCK = """
import fcntl, os, sys
handle = os.open(sys.argv[1], os.O_RDONLY)
try:
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("taken")
else:
    print("free")
"""


def lock_state(folder) -> str:
    command = [sys.executable, "-c", TRY_LOCK, str(folder)]
    return subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_locked_folder_is_made_and_held_against_other_processes(tmp_path):
    folder = tmp_path / "a" / "b"
    with locked(folder):
        assert lock_state(folder) == "taken"
    assert lock_state(folder) == "free"


def test_without_locks_in_the_system_the_work_is_done_all_the_same(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(journal_module, "fcntl", None)
    with locked(tmp_path / "a"):
        assert (tmp_path / "a").is_dir()
