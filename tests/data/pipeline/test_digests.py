"""The pixels of a store are known by their digests, however it is read."""

from __future__ import annotations

import numpy as np
import xxhash

from keras_wa.data.pipeline import npy_file
from keras_wa.data.pipeline.digests import pixel_digests, pixels_hash


def test_each_image_has_the_digest_of_its_bytes(tmp_path, monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (7, 5, 4), np.uint8)
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    expected = [xxhash.xxh3_128_hexdigest(image.tobytes()) for image in images]
    assert pixel_digests(mapped) == pixel_digests(images) == expected
    monkeypatch.setattr(npy_file, "_BLOCK_BYTES", 50)
    assert pixel_digests(mapped) == expected


def test_the_hash_is_of_the_rois_and_their_pixels_in_any_order():
    first = pixels_hash(["a", "b"], ["0", "1"])
    assert len(first) == 12
    assert pixels_hash(["b", "a"], ["1", "0"]) == first
    assert pixels_hash(["a", "b"], ["1", "0"]) != first
