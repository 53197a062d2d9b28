"""A bad file is left out and listed; what cannot go on says how to mend it."""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_wa.data.pipeline import PreparedStore, prepare, preparing
from keras_wa.data.pipeline.npy_file import ImageStackFile
from keras_wa.errors import UserError
from tests.data.pipeline.folders import (
    CountingReader,
    all_bytes,
    interrupt,
    open_folder,
)


def spoil(folder: Path, names: list[str]) -> None:
    for index, name in enumerate(names):
        path = folder / name
        path.write_bytes(path.read_bytes()[: 100 if index % 2 else 0])


def test_bad_files_are_left_out_counted_and_listed(folder, tmp_path):
    bad = ["0/a00_0.png", "0/a04_1.png", "1/b05_1.png"]
    spoil(folder, bad)
    dataset = open_folder(folder)
    store = prepare(dataset, tmp_path / "out", image_size=32)
    assert [entry["path"] for entry in store.manifest["skipped"]] == bad
    reasons = [entry["reason"] for entry in store.manifest["skipped"]]
    assert reasons[0].startswith("0/a00_0.png: the file is empty")
    assert reasons[1].startswith("0/a04_1.png: the image is truncated")
    assert store.notes[-1] == (
        "3 of 24 ROIs could not be read and were left out: benign 2 of 12, malignant 1 "
        "of 12; the share of malignant ROIs went from 50.0 % to 52.4 %; manifest.json "
        "lists them with the reason."
    )
    assert not set(bad) & set(store.cases["image_path"])
    assert store.images.shape == (21, 32, 32)
    assert sum(sum(part.values()) for part in store.manifest["counts"].values()) == 21
    for image, path in zip(store.images, store.cases["image_path"], strict=True):
        np.testing.assert_array_equal(image, cv2.imread(str(folder / path), -1))


def test_what_a_killed_preparation_left_of_its_last_step_is_removed(
    folder, tmp_path, monkeypatch
):
    spoil(folder, ["0/a00_0.png"])
    dataset = open_folder(folder)
    whole = prepare(dataset, tmp_path / "whole", image_size=32)
    with monkeypatch.context() as patch:

        @contextlib.contextmanager
        def killed(path):
            yield path.with_name(f".1.partial-{path.name}")
            raise RuntimeError("power cut")

        patch.setattr(preparing, "replacing", killed)
        with pytest.raises(RuntimeError, match="power cut"):
            prepare(dataset, tmp_path / "out", image_size=32)
    assert list((tmp_path / "out").glob("*/.1.partial-images.npy"))
    resumed = prepare(dataset, tmp_path / "out", image_size=32)
    assert all_bytes(resumed) == all_bytes(whole)


def test_nothing_usable_is_a_user_error(folder, tmp_path):
    dataset = open_folder(folder)
    spoil(folder, list(dataset.cases["image_path"]))
    with pytest.raises(UserError, match=r"none of 24 ROIs .*The first: 0/a00_0\.png"):
        prepare(dataset, tmp_path / "out", image_size=32)
    assert list((tmp_path / "out").iterdir()) == []


def disk_error() -> UserError:
    """What `open_image` makes of a disk that fails."""
    error = UserError("x.png: cannot be read (Input/output error).")
    error.__cause__ = OSError(errno.EIO, "Input/output error")
    return error


@pytest.mark.parametrize("error", [disk_error(), MemoryError()])
def test_what_the_system_could_not_read_is_tried_a_second_time(folder, tmp_path, error):
    dataset = open_folder(folder)
    whole = prepare(dataset, tmp_path / "whole", image_size=32)
    failing = CountingReader(dataset, 9, error)
    store = prepare(failing.dataset, tmp_path / "out", image_size=32)
    assert len(failing.calls) == 25
    assert all_bytes(store) == all_bytes(whole)


def test_what_the_system_can_never_read_is_left_out_and_said(folder, tmp_path):
    dataset = open_folder(folder)

    class Failing(CountingReader):
        def read(self, row):
            if row["roi_id"] == "0/a02_1.png":
                self.calls.append(row["roi_id"])
                raise disk_error()
            return super().read(row)

    failing = Failing(dataset)
    store = prepare(failing.dataset, tmp_path / "out", image_size=32)
    assert failing.calls.count("0/a02_1.png") == 2
    assert len(store.cases) == 23
    assert store.notes[-1] == (
        "Of these, left out for a fault of the system, not of a file: 1, such as "
        "x.png: cannot be read (Input/output error). To read them, fix it, remove "
        "this store and prepare again."
    )
    # The store is finished: runs that used it find what they found.
    assert prepare(dataset, tmp_path / "out", image_size=32).path == store.path
    assert len(PreparedStore.open(store.path).cases) == 23


def test_what_the_system_could_not_read_is_tried_again_after_an_interruption(
    folder, tmp_path
):
    dataset = open_folder(folder)
    whole = prepare(dataset, tmp_path / "whole", image_size=32)

    class Stopped(CountingReader):
        """Fails for the disk in the first block and stops in the third."""

        def read(self, row):
            if len(self.calls) == 2:
                self.calls.append(row["roi_id"])
                raise disk_error()
            return super().read(row)

    stopped = Stopped(dataset, 9, RuntimeError("power cut"))
    interrupt(stopped, tmp_path / "out")
    rest = CountingReader(dataset)
    store = prepare(rest.dataset, tmp_path / "out", image_size=32)
    assert len(rest.calls) == 24 - 8 + 1
    assert all_bytes(store) == all_bytes(whole)


def test_a_disk_that_fills_up_says_what_is_needed_and_can_be_resumed(
    folder, tmp_path, monkeypatch
):
    dataset = open_folder(folder)
    with monkeypatch.context() as patch:
        write = ImageStackFile.write

        def fail(self, row, images):
            if row == 9:
                raise OSError(errno.ENOSPC, "No space left on device")
            write(self, row, images)

        patch.setattr(ImageStackFile, "write", fail)
        with pytest.raises(UserError, match=r"the disk is full.*expected 0\.0 MB"):
            prepare(dataset, tmp_path / "out", image_size=32)
    rest = CountingReader(dataset)
    prepare(rest.dataset, tmp_path / "out", image_size=32)
    assert len(rest.calls) == 16


@pytest.mark.parametrize("place", ["file", "/proc/self/store"])
def test_a_place_that_cannot_be_written_is_a_user_error(folder, tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=rf"{place}.* cannot be written"):
        prepare(open_folder(folder), tmp_path / place, image_size=32)


def test_an_image_size_that_is_too_small_is_a_user_error(folder, tmp_path):
    with pytest.raises(
        UserError, match=r"`image_size`\. Received: 31; expected at least"
    ):
        prepare(open_folder(folder), tmp_path / "out", image_size=31)
