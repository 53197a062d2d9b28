"""Lazily read images of a stack, or rotated and flipped copies."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_wa.data.io.symmetries import apply_symmetry
from keras_wa.data.pipeline.npy_file import read_images


@dataclasses.dataclass(frozen=True)
class CopiedImages:
    """A stack of rotated and flipped copies of images of another stack.

    Copy i is image `rows[i]` of `source` (preferably memory-mapped), moved by
    `apply_symmetry`. It is indexed like an array by its first axis: by a number, a
    slice, numbers or a mask.
    """

    source: NDArray[np.uint8]
    rows: NDArray[np.int64]
    symmetries: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def take(cls, images: NDArray[np.uint8], rows: NDArray[np.int64]) -> CopiedImages:
        """Returns unchanged images of a stack, without reading them."""
        return cls(images, rows, np.zeros(len(rows), np.int64))

    def view(self, at: Any) -> CopiedImages:
        """Returns some of the images, without reading them; `at` is not a number."""
        return CopiedImages(self.source, self.rows[at], self.symmetries[at])

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        return self.source.dtype

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(M, size, size)`."""
        return (len(self), self.source.shape[1], self.source.shape[2])

    def __getitem__(self, at: Any) -> NDArray[np.uint8]:
        """Copies images `(size, size)` or `(n, size, size)` into memory."""
        rows, symmetries = self.rows[at], self.symmetries[at]
        images = read_images(self.source, np.atleast_1d(rows))
        for image, symmetry in zip(images, np.atleast_1d(symmetries), strict=True):
            if symmetry:
                image[...] = apply_symmetry(image.copy(), int(symmetry))
        return images if np.ndim(rows) else images[0]


def copied_images(
    images: NDArray[np.uint8], stored: pd.DataFrame, cases: pd.DataFrame
) -> CopiedImages:
    """Returns the images of a table of copies, row i of `cases` for image i.

    `images` are those of the case table `stored`; `cases` comes from
    `keras_wa.data.leaky_splits.copy_rois`.
    """
    rows = pd.Index(stored["roi_id"]).get_indexer(pd.Index(cases["source_roi_id"]))
    symmetries = cases["symmetry"].to_numpy(np.int64)
    return CopiedImages(images, rows.astype(np.int64), symmetries)
