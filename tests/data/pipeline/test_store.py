"""A store opens as it was made, and enhances its images once."""

from __future__ import annotations

import errno
import shutil

import numpy as np
import pandas as pd
import pytest

from keras_wa.data.io.clahe import clahe
from keras_wa.data.pipeline import PreparedStore, prepare
from keras_wa.data.pipeline import store as store_module
from keras_wa.errors import UserError
from tests.data.pipeline.folders import make_folder, open_folder


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> PreparedStore:
    root = tmp_path_factory.mktemp("store")
    return prepare(open_folder(make_folder(root / "data")), root / "out", image_size=40)


@pytest.fixture
def store(made, tmp_path) -> PreparedStore:
    return PreparedStore.open(shutil.copytree(made.path, tmp_path / "store"))


def test_a_store_opens_as_it_was_made(made):
    opened = PreparedStore.open(str(made.path))
    pd.testing.assert_frame_equal(opened.cases, made.cases)
    np.testing.assert_array_equal(opened.images, made.images)
    assert opened.manifest == made.manifest


def test_the_images_are_mapped_and_cannot_be_changed(store):
    for images in (store.images, store.enhanced()):
        assert isinstance(images, np.memmap)
        assert not images.flags.writeable


def test_enhancing_is_clahe_of_each_image(store):
    enhanced = store.enhanced(2.0, (8, 8))
    assert enhanced.shape == store.images.shape
    for raw, image in zip(store.images, enhanced, strict=True):
        np.testing.assert_array_equal(image, clahe(raw, 2.0, (8, 8)))
    assert not np.array_equal(enhanced, store.images)


def test_enhancing_is_done_once_for_each_setting(store, monkeypatch):
    calls = []

    def counted(image, *settings):
        calls.append(settings)
        return clahe(image, *settings)

    monkeypatch.setattr(store_module, "clahe", counted)
    first = store.enhanced()
    made_at = len(calls)
    assert made_at >= len(store.images)
    np.testing.assert_array_equal(store.enhanced(2, (8, 8)), first)
    assert len(calls) == made_at + 1
    by_tiles = store.enhanced(2.0, (2, 4))
    by_limit = store.enhanced(9.5, (2, 4))
    assert not np.array_equal(by_tiles, first)
    assert not np.array_equal(by_tiles, by_limit)
    assert {path.name for path in store.path.glob("images-*")} == {
        "images-clahe-2.0-8x8.npy",
        "images-clahe-2.0-2x4.npy",
        "images-clahe-9.5-2x4.npy",
    }


def test_an_interrupted_enhancement_leaves_nothing_behind(store, monkeypatch):
    before = sorted(store.path.iterdir())
    calls = []

    def fails(image, *settings):
        calls.append(1)
        if len(calls) > 9:
            raise RuntimeError("power cut")
        return clahe(image, *settings)

    with monkeypatch.context() as patch:
        patch.setattr(store_module, "clahe", fails)
        with pytest.raises(RuntimeError, match="power cut"):
            store.enhanced()
    assert sorted(store.path.iterdir()) == before
    np.testing.assert_array_equal(store.enhanced()[5], clahe(store.images[5]))


def test_a_file_of_the_wrong_size_is_made_again(store):
    good = np.array(store.enhanced())
    path = store.path / "images-clahe-2.0-8x8.npy"
    path.write_bytes(path.read_bytes()[:-1])
    np.testing.assert_array_equal(store.enhanced(), good)


@pytest.mark.parametrize("settings", [(-1.0, (8, 8)), (2.0, (0, 8))])
def test_a_setting_out_of_range_is_a_user_error(store, settings):
    before = sorted(store.path.iterdir())
    with pytest.raises(UserError, match="of CLAHE"):
        store.enhanced(*settings)
    assert sorted(store.path.iterdir()) == before


@pytest.mark.parametrize(
    ("number", "message"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "cannot be written")],
)
def test_a_disk_that_takes_nothing_is_a_user_error(store, monkeypatch, number, message):
    def fail(path, shape):
        raise OSError(number, "No")

    monkeypatch.setattr(store_module, "ImageStackFile", fail)
    with pytest.raises(UserError, match=message):
        store.enhanced()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("manifest.json", None, r"not a prepared store \(manifest\.json"),
        ("manifest.json", '{"format": ', "not a prepared store"),
        ("manifest.json", '{"format": 99}', "Received: 99; expected 3"),
        ("images.npy", "short", r"images\.npy: the prepared store is damaged"),
    ],
)
def test_a_folder_that_is_no_whole_store_is_a_user_error(store, file, content, message):
    (store.path / file).unlink()
    if content is not None:
        (store.path / file).write_text(content)
    with pytest.raises(UserError, match=message):
        PreparedStore.open(store.path)
