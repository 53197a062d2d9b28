"""The prepared store: ROIs of one size, memory-mapped, with their case table.

Readable without TensorFlow or Keras.
"""

from __future__ import annotations

import dataclasses
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_wa.data.case_table import read_case_table
from keras_wa.data.io.clahe import clahe
from keras_wa.data.pipeline.npy_file import (
    ImageStackFile,
    blocks,
    check_space,
    disk_errors,
    has_stack_size,
    read_images,
    stack_bytes,
)
from keras_wa.data.pipeline.reading import WORKERS
from keras_wa.errors import UserError
from keras_wa.files import locked, replacing
from keras_wa.progress import track

FORMAT = 3
"""Version of the layout of a store; other versions are prepared again."""

IMAGES, CASES, MANIFEST = "images.npy", "cases.csv", "manifest.json"
FACTS = "facts.jsonl"


@dataclasses.dataclass(frozen=True)
class PreparedStore:
    """A prepared store on disk; `prepare` creates one, `open` opens one.

    Attributes:
        path: its folder.
        images: raw grey ROIs, (N, H, W) uint8, memory-mapped, read-only.
        cases: their case table, row i for image i, with the data set's split.
        manifest: data set, settings, counts by part and label, skipped files with the
            reason, notes.

    `facts.jsonl` has a line per image with the facts of its ROI, such as the digest of
    each source file, the window and its size in mm.
    """

    path: Path
    images: NDArray[np.uint8]
    cases: pd.DataFrame
    manifest: dict[str, Any]

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> PreparedStore:
        """Opens a store.

        Args:
            path: its folder, with `manifest.json`.

        Returns:
            The store; images are read when they are used.

        Raises:
            UserError: the folder is not a store, has another version, or is damaged.
        """
        path = Path(path)
        try:
            manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
            found = manifest["format"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path}: not a prepared store ({MANIFEST}: {error}). Expected: a "
                "folder that `prepare` made; prepare the dataset again."
            ) from error
        if found != FORMAT:
            raise UserError(
                f"{path / MANIFEST}: format of the prepared store. Received: "
                f"{found!r}; expected {FORMAT}. Prepare the dataset again."
            )
        cases = read_case_table(path / CASES)
        shape = (len(cases), *manifest["image_size"])
        if not has_stack_size(path / IMAGES, shape):
            raise UserError(
                f"{path / IMAGES}: the prepared store is damaged. Received: no file of "
                f"the right size; expected {stack_bytes(shape)} bytes for {len(cases)} "
                "images. Delete the folder and prepare the dataset again."
            )
        images = np.load(path / IMAGES, mmap_mode="r")
        return cls(path, images, cases, manifest)

    @property
    def notes(self) -> list[str]:
        """Messages for the user."""
        return list(self.manifest["notes"])

    def enhanced(
        self,
        clip_limit: float = 2.0,
        tiles: tuple[int, int] = (8, 8),
        progress: bool = True,
    ) -> NDArray[np.uint8]:
        """Returns the images after CLAHE, computed once and stored beside the raw ones.

        Args:
            clip_limit: see `keras_wa.data.io.clahe.clahe`.
            tiles: see there.
            progress: whether to show a progress bar on stderr.

        Returns:
            (N, H, W) uint8, memory-mapped, read-only.

        Raises:
            UserError: a setting is out of range, the disk is full, or the store's
                folder is read-only.
        """
        # First, so that a bad setting leaves no file.
        clahe(self.images[0], clip_limit, tiles)
        name = f"images-clahe-{float(clip_limit)!r}-{tiles[0]}x{tiles[1]}.npy"
        target = self.path / name
        count, height, width = self.images.shape
        shape = (count, height, width)
        if not has_stack_size(target, shape):
            with locked(self.path):
                if not has_stack_size(target, shape):  # By another process meanwhile.
                    self._enhance(target, shape, clip_limit, tiles, progress)
        return np.load(target, mmap_mode="r")

    def _enhance(
        self,
        target: Path,
        shape: tuple[int, int, int],
        clip_limit: float,
        tiles: tuple[int, int],
        progress: bool,
    ) -> None:
        needed = stack_bytes(shape)
        with disk_errors(self.path, needed):
            check_space(self.path, needed)
            with (
                replacing(target) as partial,
                ImageStackFile(partial, shape) as file,
                ThreadPoolExecutor(WORKERS) as pool,
            ):
                # In blocks, to bound the memory.
                done = (
                    image
                    for rows in blocks(shape)
                    for image in pool.map(
                        lambda image: clahe(image, clip_limit, tiles),
                        read_images(self.images, rows),
                    )
                )
                title = "Enhancing contrast (CLAHE)"
                for row, image in enumerate(track(done, title, shape[0], progress)):
                    file.write(row, image)
                file.sync()
