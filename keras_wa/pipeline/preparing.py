"""Prepares a dataset: every ROI read once, resized, and written to a store."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import keras_wa
from keras_wa.datasets import Dataset, check_split, write_case_table
from keras_wa.datasets.duplicates import hash_files
from keras_wa.errors import UserError
from keras_wa.imaging.resize import resize
from keras_wa.pipeline.journal import Journal, locked
from keras_wa.pipeline.npy_file import (
    ImageStackFile,
    check_space,
    disk_errors,
    stack_bytes,
)
from keras_wa.pipeline.store import (
    CASES,
    FORMAT,
    IMAGES,
    MANIFEST,
    WORKERS,
    PreparedStore,
)
from keras_wa.progress import ProgressBar

_BLOCK = 64


def prepare(
    dataset: Dataset,
    out_dir: str | os.PathLike[str],
    image_size: int = 224,
    progress: bool = True,
) -> PreparedStore:
    """Reads, resizes and stores every ROI of a dataset, or finds that done.

    The store lies in `out_dir/<dataset>-<hash>/`, where the hash is of the settings,
    the case table and the content of each file: other settings or a changed file give
    another store, the same ones give the same bytes. It is built in
    `<dataset>-<hash>.partial/` and renamed when complete; a call after an interruption
    carries on from there, without reading again what had been done.

    Args:
        dataset: what `load_cases` gives.
        out_dir: folder of the stores; made if it is not there.
        image_size: height and width of the stored ROIs in pixels, at least 32.
        progress: whether to draw a progress bar on stderr.

    Returns:
        The store. A file that could not be read is left out, counted in the notes and
        listed in the manifest with the reason.

    Raises:
        UserError: if more than half of the files cannot be read, if what remains of a
            part has one label only, if the disk is full, or if `out_dir` may not be
            written.
    """
    if image_size < 32:
        raise UserError(
            f"--image-size. Received: {image_size}; expected at least 32 pixels."
        )
    check_split(dataset.cases)
    size = (int(image_size), int(image_size))
    settings = _settings(dataset, size)
    key = hashlib.sha256(_json(settings).encode()).hexdigest()[:12]
    final = Path(out_dir) / f"{dataset.name}-{key}"
    if final.exists():
        return PreparedStore.open(final)
    partial = final.with_name(f"{final.name}.partial")
    needed = stack_bytes((len(dataset.cases), *size))
    with disk_errors(Path(out_dir), needed), locked(partial):
        if final.exists():
            # Another process finished it while this one waited for the lock.
            if partial.exists() and not any(partial.iterdir()):
                partial.rmdir()
            return PreparedStore.open(final)
        _build(dataset, partial, size, settings, progress)
        os.replace(partial, final)
    return PreparedStore.open(final)


def _settings(dataset: Dataset, size: tuple[int, int]) -> dict[str, Any]:
    """Everything that decides the bytes of the store, in values that JSON can hold."""
    cases = dataset.cases.to_csv(index=False, lineterminator="\n")
    settings: dict[str, Any] = {
        "format": FORMAT,
        "keras_wa": keras_wa.__version__,
        "dataset": dataset.name,
        "source": dict(dataset.source),
        "image_size": list(size),
        "resize": "mean of areas to shrink, linear to grow",
        "enhancement": "none (raw grey)",
        "dataset_cases_sha256": hashlib.sha256(cases.encode()).hexdigest(),
        "dataset_skipped": [list(item) for item in dataset.skipped],
    }
    if dataset.root is not None:
        settings["files_sha256"] = hash_files(dataset.root, dataset.cases["image_path"])
    else:
        # A computed ROI stands for the code that computes it.
        first = dataset.read(dataset.cases.iloc[0])
        settings["first_roi_sha256"] = hashlib.sha256(
            first.pixels.tobytes()
        ).hexdigest()
    return settings


def _build(
    dataset: Dataset,
    partial: Path,
    size: tuple[int, int],
    settings: dict[str, Any],
    progress: bool,
) -> None:
    """Fills the partial folder until it is a store but for its name."""
    count = len(dataset.cases)
    shape = (count, *size)
    if not (partial / IMAGES).exists():
        check_space(partial, stack_bytes(shape))
    with (
        ImageStackFile(partial / IMAGES, shape) as images,
        Journal(partial / "journal.jsonl", fresh=not images.resumed) as journal,
        ThreadPoolExecutor(WORKERS) as pool,
        ProgressBar(f"Preparing {dataset.name}", count, progress) as bar,
    ):
        bar.advance(len(journal.done))
        todo = [row for row in range(count) if row not in journal.done]
        for start in range(0, len(todo), _BLOCK):
            rows = todo[start : start + _BLOCK]
            block = _read_block(dataset, rows, size, pool)
            for row, result in zip(rows, block, strict=True):
                if not isinstance(result, UserError):
                    images.write(row, result)
            images.sync()
            journal.add(
                (
                    row,
                    _reason(result, dataset) if isinstance(result, UserError) else None,
                )
                for row, result in zip(rows, block, strict=True)
            )
            bar.advance(len(rows))
        failed = {row: why for row, why in journal.done.items() if why is not None}
    _finish(dataset, partial, shape, settings, failed)


def _read_block(
    dataset: Dataset, rows: Sequence[int], size: tuple[int, int], pool: Executor
) -> list[NDArray[np.uint8] | UserError]:
    """ROIs of some rows at the stored size, an error in place of each bad file."""
    cases = dataset.cases.iloc[list(rows)]
    if dataset.read_block is not None:
        return [resize(image, size) for image in dataset.read_block(cases)]

    def read(row: int) -> NDArray[np.uint8] | UserError:
        try:
            return resize(dataset.read(dataset.cases.iloc[row]).pixels, size)
        except UserError as error:
            return error

    return list(pool.map(read, rows))


def _reason(error: UserError, dataset: Dataset) -> str:
    """The message without the place of the files, which may be another tomorrow."""
    return str(error).replace(f"{dataset.root}{os.sep}", "")


def _finish(
    dataset: Dataset,
    partial: Path,
    shape: tuple[int, int, int],
    settings: dict[str, Any],
    failed: dict[int, str],
) -> None:
    """Takes out the rows that failed and writes the case table and the manifest."""
    count = len(dataset.cases)
    if 2 * len(failed) > count or len(failed) == count:
        shutil.rmtree(partial)
        raise UserError(
            f"{dataset.root}: {len(failed)} of {count} files could not be read. "
            f"Expected: at least half of them. The first: {failed[min(failed)]}"
        )
    kept = [row for row in range(count) if row not in failed]
    cases = dataset.cases.iloc[kept].reset_index(drop=True)
    try:
        check_split(cases)
    except UserError as error:
        shutil.rmtree(partial)
        raise UserError(
            f"After leaving out {len(failed)} bad files: {error}"
        ) from error
    if failed:
        _compact(partial / IMAGES, shape, kept)
    write_case_table(cases, partial / CASES)
    paths = dataset.cases["image_path"]
    skipped = [[*item] for item in dataset.skipped]
    skipped += [[str(paths.iloc[row]), failed[row]] for row in sorted(failed)]
    notes = list(dataset.notes)
    if failed:
        notes.append(
            f"{len(failed)} of {count} files could not be read and were left out; "
            f"{MANIFEST} lists them with the reason."
        )
    manifest = settings | {
        "images": len(cases),
        "images_sha256": hash_files(partial, [IMAGES])[IMAGES],
        "counts": _counts(cases),
        "patients": {
            str(part): int(number)
            for part, number in cases.groupby("split")["patient_id"].nunique().items()
        },
        "skipped": [{"path": path, "reason": reason} for path, reason in skipped],
        "notes": notes,
    }
    (partial / MANIFEST).write_text(_json(manifest) + "\n", encoding="utf-8")
    (partial / "journal.jsonl").unlink()


def _compact(path: Path, shape: tuple[int, int, int], kept: Sequence[int]) -> None:
    """Rewrites an image stack with the rows that were read."""
    images = np.load(path, mmap_mode="r")
    target = path.with_name(f"{path.name}.partial")
    with ImageStackFile(target, (len(kept), *shape[1:])) as file:
        for new, old in enumerate(kept):
            file.write(new, images[old])
        file.sync()
    os.replace(target, path)


def _counts(cases: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Number of ROIs by part and label."""
    return {
        str(part): {str(label): int((labels == label).sum()) for label in (0, 1)}
        for part, labels in cases.groupby("split")["label"]
    }


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)
