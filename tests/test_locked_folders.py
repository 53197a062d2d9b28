"""A folder is held by one process at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from keras_wa import files
from keras_wa.errors import UserError
from keras_wa.files import locked

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


def lock_state(folder: Path) -> str:
    command = [sys.executable, "-c", TRY_LOCK, str(folder)]
    return subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_locked_folder_is_made_and_held_against_other_processes(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "a" / "b"
    with locked(folder):
        assert lock_state(folder) == "taken"
        with pytest.raises(UserError, match=r"^in use$"), locked(folder, "in use"):
            pass
    assert lock_state(folder) == "free"


def test_a_folder_that_was_renamed_while_it_was_waited_for_is_made_again(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "x.partial"
    waiting = threading.Event()
    done: list[str] = []

    def wait() -> None:
        waiting.set()
        with locked(folder):
            (folder / "inside").touch()
            done.append("held")

    thread = threading.Thread(target=wait)
    with locked(folder):
        thread.start()
        waiting.wait()
        time.sleep(0.1)
        folder.rename(tmp_path / "x")
    thread.join()
    assert done == ["held"]
    assert (folder / "inside").exists()
    assert not list((tmp_path / "x").iterdir())


def test_without_locks_in_the_system_the_work_is_done_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "fcntl", None)
    with locked(tmp_path / "a", "in use"):
        assert (tmp_path / "a").is_dir()


def test_a_folder_that_vanishes_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a"
    real, opened = os.open, []

    def open_late(path: Path, *flags: int) -> int:
        opened.append(path)
        if len(opened) == 1:
            folder.rmdir()  # As whoever held it does when it is done.
        return real(path, *flags)

    monkeypatch.setattr(os, "open", open_late)
    with locked(folder):
        assert folder.is_dir()
    assert len(opened) == 2


def test_a_folder_that_vanishes_while_it_is_made_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a"
    real, made = os.mkdir, []

    def mkdir_late(path: Path, *mode: int) -> None:
        made.append(path)
        if len(made) == 1:
            raise FileExistsError  # It is there, and gone before anyone looks.
        real(path, *mode)

    monkeypatch.setattr(os, "mkdir", mkdir_late)
    with locked(folder):
        assert folder.is_dir()
    assert len(made) == 2


def test_a_file_in_the_place_of_a_locked_folder_is_an_error(tmp_path: Path) -> None:
    for name in ("file", "dangling"):
        path = tmp_path / name
        path.symlink_to("nowhere") if name == "dangling" else path.touch()
        with pytest.raises(FileExistsError), locked(path):
            pass
    with pytest.raises(FileExistsError), locked(tmp_path / "dangling" / "folder"):
        pass
