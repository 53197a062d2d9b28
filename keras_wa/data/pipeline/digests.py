"""Digests of prepared pixels, which identify the data of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import xxhash
from numpy.typing import NDArray

from keras_wa.data.pipeline.npy_file import blocks, read_images


def pixel_digests(images: NDArray[np.uint8]) -> list[str]:
    """Computes the XXH3-128 of the pixels of each image, hexadecimal, in blocks."""
    return [
        xxhash.xxh3_128_hexdigest(np.ascontiguousarray(image).data)
        for rows in blocks(images.shape)
        for image in read_images(images, rows)
    ]


def pixels_hash(roi_ids: Iterable[str], digests: Iterable[str]) -> str:
    """Computes a digest of the pixels of ROIs, to report with results.

    It is the first 12 hexadecimal digits of the SHA-256 over `roi_id,digest` of all
    ROIs, sorted.
    """
    lines = sorted(map(",".join, zip(roi_ids, digests, strict=True)))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
