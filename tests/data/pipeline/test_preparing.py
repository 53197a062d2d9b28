"""The same inputs give the same bytes, whatever came between."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import xxhash

from keras_wa.data import load_cases
from keras_wa.data.io.resize import resize
from keras_wa.data.pipeline import PreparedStore, prepare
from keras_wa.files import locked
from keras_wa.phantom import PhantomSpec, render_roi
from tests.data.pipeline.folders import (
    CountingReader,
    all_bytes,
    interrupt,
    make_folder,
    open_folder,
)
from tests.imports import deep_learning_libraries_of
from tests.waiting import until


def test_row_i_of_the_table_is_image_i_untouched_at_its_own_size(folder, tmp_path):
    store = prepare(open_folder(folder), tmp_path / "out", image_size=32)
    assert store.images.shape == (24, 32, 32)
    assert store.images.dtype == np.uint8
    for image, path in zip(store.images, store.cases["image_path"], strict=True):
        np.testing.assert_array_equal(image, cv2.imread(str(folder / path), -1))


def test_other_sizes_are_resized(folder, tmp_path):
    store = prepare(open_folder(folder), tmp_path / "out", image_size=48)
    raw = cv2.imread(str(folder / store.cases["image_path"][3]), -1)
    np.testing.assert_array_equal(store.images[3], resize(raw, (48, 48)))


def test_the_manifest_says_what_was_done(folder, tmp_path):
    (folder / "0" / "list.txt").write_text("x")
    dataset = open_folder(folder)
    store = prepare(dataset, tmp_path / "out", image_size=32)
    manifest = store.manifest
    assert manifest["dataset"] == "folder"
    assert manifest["image_size"] == [32, 32]
    assert manifest["images"] == 24
    for part in ("train", "test"):
        for label in (0, 1):
            rows = (dataset.cases["split"] == part) & (dataset.cases["label"] == label)
            assert manifest["counts"][part][str(label)] == rows.sum()
    assert sum(manifest["patients"].values()) == 12
    assert manifest["skipped"] == [
        {
            "path": "0/list.txt",
            "reason": "no image by its suffix, nor DICOM by its content",
        }
    ]
    assert manifest["notes"] == dataset.notes == store.notes
    name = "1/b03_1.png"
    lines = (store.path / "facts.jsonl").read_text().splitlines()
    facts = {fact.pop("roi_id"): fact for fact in map(json.loads, lines)}
    assert list(facts) == list(store.cases["roi_id"])
    digest = xxhash.xxh3_128_hexdigest((folder / name).read_bytes())
    assert facts[name] == {"sources": {name: digest}}
    data = (store.path / "images.npy").read_bytes()
    assert manifest["images_sha256"] == hashlib.sha256(data).hexdigest()


def test_the_same_inputs_give_the_same_bytes_elsewhere(folder, tmp_path):
    other = make_folder(tmp_path / "moved" / "data")
    one = prepare(open_folder(folder), tmp_path / "out", image_size=32)
    two = prepare(open_folder(other), tmp_path / "out2", image_size=32)
    assert all_bytes(one) == all_bytes(two)
    assert set(all_bytes(one)) == {
        "images.npy",
        "cases.csv",
        "facts.jsonl",
        "manifest.json",
    }
    assert [path.name for path in (tmp_path / "out").iterdir()] == [one.path.name]


def test_a_store_that_is_there_is_used_again(folder, tmp_path):
    dataset = open_folder(folder)
    first = prepare(dataset, tmp_path / "out", image_size=32)
    reader = CountingReader(dataset)
    second = prepare(reader.dataset, tmp_path / "out", image_size=32)
    assert reader.calls == []
    assert first.path == second.path


def test_other_settings_or_a_changed_file_give_another_store(folder, tmp_path):
    def path(size: int = 32) -> Path:
        return prepare(open_folder(folder), tmp_path / "out", size).path

    paths = {path(), path(48)}
    cv2.imwrite(str(folder / "0" / "a00_0.png"), np.zeros((32, 32), np.uint8))
    paths.add(path())
    (folder / "0" / "a00_1.png").rename(folder / "0" / "a00_2.png")
    paths.add(path())
    assert len(paths) == 4


@pytest.mark.parametrize("fail_at", [1, 9, 24])
def test_an_interrupted_preparation_carries_on_and_ends_with_the_same_bytes(
    folder, tmp_path, fail_at
):
    (folder / "0" / "a00_0.png").write_bytes(b"")  # Read once: it is remembered.
    dataset = open_folder(folder)
    whole = prepare(dataset, tmp_path / "whole", image_size=32)
    interrupt(
        CountingReader(dataset, fail_at, RuntimeError("power cut")), tmp_path / "out"
    )
    assert [path.suffix for path in (tmp_path / "out").iterdir()] == [".partial"]
    rest = CountingReader(dataset)
    resumed = prepare(rest.dataset, tmp_path / "out", image_size=32)
    done = (fail_at - 1) // 4 * 4
    assert sorted(rest.calls) == sorted(dataset.cases["roi_id"][done:])
    assert all_bytes(resumed) == all_bytes(whole)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [whole.path.name]


KILLED = """
import os, signal, sys
from pathlib import Path
from keras_wa.data.pipeline import prepare, reading
from tests.data.pipeline.folders import CountingReader, open_folder
reading._BLOCK = 4
class Killer(CountingReader):
    def read(self, row):
        if len(self.calls) == 14:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(row)
prepare(Killer(open_folder(Path(sys.argv[1]))).dataset, sys.argv[2], image_size=32)
"""


def test_a_killed_preparation_carries_on(folder, tmp_path):
    whole = prepare(open_folder(folder), tmp_path / "whole", image_size=32)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), str(tmp_path / "out")],
        cwd=Path(__file__).parents[3],
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    rest = CountingReader(open_folder(folder))
    resumed = prepare(rest.dataset, tmp_path / "out", image_size=32)
    assert 0 < len(rest.calls) < 24
    assert all_bytes(resumed) == all_bytes(whole)


def test_a_lost_image_file_is_begun_again(folder, tmp_path):
    dataset = open_folder(folder)
    interrupt(CountingReader(dataset, 13, RuntimeError("power cut")), tmp_path / "out")
    next((tmp_path / "out").glob("*/images.npy")).unlink()
    rest = CountingReader(dataset)
    store = prepare(rest.dataset, tmp_path / "out", image_size=32)
    assert len(rest.calls) == 24
    whole = prepare(dataset, tmp_path / "whole", image_size=32)
    assert all_bytes(store) == all_bytes(whole)


def test_two_at_once_make_one_store(folder, tmp_path):
    dataset = open_folder(folder)
    readers = [CountingReader(dataset) for _ in range(3)]
    stores: list[PreparedStore] = []

    def work(reader: CountingReader) -> None:
        stores.append(prepare(reader.dataset, tmp_path / "out", image_size=32))

    threads = [threading.Thread(target=work, args=(reader,)) for reader in readers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({store.path for store in stores}) == 1
    assert len(stores) == 3
    assert sorted(len(reader.calls) for reader in readers) == [0, 0, 24]
    assert [path.name for path in (tmp_path / "out").iterdir()] == [stores[0].path.name]


def test_a_store_finished_while_waiting_for_the_lock_is_used(folder, tmp_path):
    dataset = open_folder(folder)
    whole = prepare(dataset, tmp_path / "whole", image_size=32)
    final = tmp_path / "out" / whole.path.name
    partial = final.with_name(f"{final.name}.partial")
    reader = CountingReader(dataset)
    with ThreadPoolExecutor(1) as pool:
        with locked(partial):
            before = handles_of(partial)
            waiting = pool.submit(prepare, reader.dataset, final.parent, image_size=32)
            until(lambda: handles_of(partial) > before)
            # Now it waits for the lock. Another process finishes the store.
            shutil.copytree(whole.path, final)
        store = waiting.result()
    assert store.path == final
    assert reader.calls == []
    # The folder of the lock, empty, is no store that could be continued.
    assert [path.name for path in final.parent.iterdir()] == [final.name]


def handles_of(folder: Path) -> int:
    """How often this process has a folder open."""
    found = 0
    for handle in range(256):
        with contextlib.suppress(OSError):
            found += os.path.samestat(os.fstat(handle), os.stat(folder))
    return found


def test_the_phantom_is_drawn_in_blocks_and_resized(tmp_path):
    spec = PhantomSpec(seed=1, size=48, field_mm=6.4)
    dataset = load_cases("phantom", phantom=spec, limit=30)
    store = prepare(dataset, tmp_path, image_size=32)
    assert store.path.name.startswith("phantom-")
    for row in (0, 13, len(store.cases) - 1):
        drawn = render_roi(spec, store.cases.iloc[row])
        np.testing.assert_array_equal(store.images[row], resize(drawn, (32, 32)))
    assert store.manifest["source"]["phantom"]["seed"] == 1
    assert "phantom" in store.notes[0]


def test_another_phantom_or_another_renderer_gives_another_store(tmp_path, monkeypatch):
    def path(seed: int) -> Path:
        spec = PhantomSpec(seed=seed, size=32, field_mm=6.4)
        return prepare(load_cases("phantom", phantom=spec, limit=20), tmp_path, 32).path

    first = path(0)
    assert path(0) == first
    assert path(1) != first
    monkeypatch.setattr(
        "keras_wa.data.registry.render_roi",
        lambda spec, row: np.zeros((32, 32), np.uint8),
    )
    assert path(0) != first


def test_the_store_needs_neither_tensorflow_nor_keras():
    code = "import keras_wa.data.pipeline, keras_wa.data"
    assert deep_learning_libraries_of(code) == []
    # The look itself sees them.
    fake = "import sys; sys.modules |= dict.fromkeys(['tensorflow', 'keras'], sys)"
    assert deep_learning_libraries_of(fake) == ["tensorflow", "keras"]


@pytest.mark.shared_data
def test_the_real_patches_come_through_unchanged(shared_data, tmp_path):
    root = shared_data / "microcalc-patches"
    dataset = load_cases("folder", root, r"^(\d+[a-z])")
    store = prepare(dataset, tmp_path, image_size=60)
    assert store.images.shape == (636, 60, 60)
    for row in range(0, 636, 53):
        raw = (root / store.cases["image_path"][row]).read_bytes()[-3600:]
        assert store.images[row].tobytes() == raw
    manifest = json.loads((store.path / "manifest.json").read_text())
    assert manifest["images"] == 636
    assert manifest["skipped"] == []
