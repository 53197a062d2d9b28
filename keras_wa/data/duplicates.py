"""Byte-identical files, which leak images from training to test."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from keras_wa.cores import reading_threads
from keras_wa.data.file_state import state_of
from keras_wa.data.io import bare_name


def hash_files(root: Path, names: Iterable[str]) -> dict[str, str | None]:
    """Computes the SHA-256 of files, in threads; None for one that cannot be read."""

    def digest(name: str) -> str | None:
        sha256 = hashlib.sha256()
        try:
            with (root / name).open("rb") as file:
                while block := file.read(1 << 20):
                    sha256.update(block)
        except OSError:
            return None
        return sha256.hexdigest()

    names = list(names)
    with ThreadPoolExecutor(reading_threads()) as pool:
        return dict(zip(names, pool.map(digest, names), strict=True))


def duplicates_note(root: Path, cases: pd.DataFrame) -> str | None:
    """Counts files that are byte-identical to a file of another patient, in a note."""
    sizes = cases["image_path"].map(lambda name: (state_of(root / name) or (0,))[0])
    # Only files of the same size can be identical; the others need not be read.
    suspects = cases[sizes.duplicated(keep=False) & (sizes > 0)]
    digests = suspects["image_path"].map(hash_files(root, suspects["image_path"]))
    groups = suspects.groupby(digests)
    counts = groups[["patient_id", "split", "label"]].nunique()
    counts["files"] = groups.size()
    shared = counts[counts["patient_id"] > 1]
    if shared.empty:
        return None
    return (
        f"{shared['files'].sum()} files are byte-identical copies of "
        f"{len(shared)} images under different patients; "
        f"{(shared['split'] > 1).sum()} of these images are in training and in test, "
        f"{(shared['label'] > 1).sum()} under both labels. None was removed."
    )


def one_name_note(paths: pd.Series) -> list[str]:
    """Warns of images with the same name, except for the suffix."""
    paths = paths.drop_duplicates()
    twice = sorted(paths[paths.map(bare_name).duplicated(keep=False)])
    if not twice:
        return []
    return [
        f"Images with the same name but for the suffix: {len(twice)}, such as "
        f"{twice[0]} and {twice[1]}. Each is an ROI; if they show the same, remove one."
    ]
