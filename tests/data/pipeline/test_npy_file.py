"""Image stacks on disk are what numpy reads, and a full disk is told."""

from __future__ import annotations

import errno
import os
import shutil
from collections import namedtuple

import numpy as np
import pytest

from keras_wa.data.pipeline.npy_file import (
    ImageStackFile,
    check_space,
    disk_errors,
    has_stack_size,
    read_images,
    stack_bytes,
)
from keras_wa.errors import UserError

SHAPE = (5, 3, 4)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8)


@pytest.mark.parametrize("mapped", [True, False])
def test_images_are_read_in_the_order_asked_for(tmp_path, images, mapped):
    np.save(tmp_path / "x.npy", images)
    stack = np.load(tmp_path / "x.npy", mmap_mode="r") if mapped else images
    for rows in ([3, 0, 3, 4], [2], []):
        found = read_images(stack, np.array(rows, np.int64))
        np.testing.assert_array_equal(found, images[rows])
        assert type(found) is np.ndarray
        assert not np.shares_memory(found, stack)


def test_the_disk_is_asked_for_just_the_bytes_of_the_images(
    tmp_path, images, monkeypatch
):
    path = tmp_path / "x.npy"
    np.save(path, images)
    asked = []
    monkeypatch.setattr(
        os, "posix_fadvise", lambda _, first, size, advice: asked.append((first, size))
    )
    stack = np.load(path, mmap_mode="r")
    read_images(stack, np.array([4, 1]))
    data = path.read_bytes()
    parts = [data[first : first + size] for first, size in asked]
    assert parts == [images[4].tobytes(), images[1].tobytes()]
    path.unlink()
    np.testing.assert_array_equal(read_images(stack, np.array([2])), images[[2]])


def test_numpy_reads_what_was_written_in_any_order(tmp_path, images):
    path = tmp_path / "x.npy"
    with ImageStackFile(path, SHAPE) as file:
        file.write(4, images[4])
        file.write(0, images[:2])
        file.write(2, np.asfortranarray(images[2]))
        file.write(3, images[3])
        file.sync()
        assert (np.load(path) == images).all()
    assert not file.resumed
    np.save(tmp_path / "y.npy", images)
    assert path.read_bytes() == (tmp_path / "y.npy").read_bytes()


@pytest.mark.parametrize("shape", [SHAPE, (1, 1, 1), (100000, 7, 9)])
def test_the_size_is_known_beforehand(tmp_path, shape):
    path = tmp_path / "x.npy"
    assert not has_stack_size(path, shape)
    with ImageStackFile(path, shape):
        assert path.stat().st_size == stack_bytes(shape)
    assert has_stack_size(path, shape)
    assert not has_stack_size(path, (shape[0] + 1, *shape[1:]))


def test_a_file_of_the_right_size_is_continued_and_another_made_anew(tmp_path, images):
    path = tmp_path / "x.npy"
    with ImageStackFile(path, SHAPE) as file:
        file.write(0, images[:3])
    with ImageStackFile(path, SHAPE) as file:
        assert file.resumed
        file.write(3, images[3:])
    assert (np.load(path) == images).all()
    with ImageStackFile(path, (2, 3, 4)) as file:
        assert not file.resumed
    assert (np.load(path) == np.zeros((2, 3, 4))).all()


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, r"/runs: the disk is full\. .*expected 12\.5 MB"),
        (errno.EDQUOT, "the disk is full"),
        (errno.EACCES, "/runs: cannot be written"),
        (errno.EROFS, "cannot be written"),
    ],
)
def test_what_the_user_can_mend_is_a_user_error(tmp_path, number, message):
    folder = tmp_path / "runs"
    with pytest.raises(UserError, match=message), disk_errors(folder, 12_500_000):
        raise OSError(number, "No")


def test_another_error_passes_through(tmp_path):
    with pytest.raises(OSError, match="I/O"), disk_errors(tmp_path, 1):
        raise OSError(errno.EIO, "I/O")


def test_space_is_checked_before_the_work(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 9, 1_000_000))
    check_space(tmp_path, 1_000_000)
    with pytest.raises(UserError, match=r"Received: 1\.0 MB free; expected 2\.0 MB"):
        check_space(tmp_path, 2_000_000)
