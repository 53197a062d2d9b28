"""Prepares a data set: reads and resizes every ROI into a store."""

from __future__ import annotations

import functools
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_wa.data import Dataset, Roi
from keras_wa.data.case_table import validate, write_case_table
from keras_wa.data.duplicates import hash_files
from keras_wa.data.finalizing import left_out_by_class
from keras_wa.data.io.resize import resize
from keras_wa.data.pipeline.journal import Journal
from keras_wa.data.pipeline.manifest import (
    describe_settings,
    make_manifest,
    notes_of,
    store_key,
    to_json,
)
from keras_wa.data.pipeline.npy_file import (
    ImageStackFile,
    check_space,
    disk_errors,
    stack_bytes,
)
from keras_wa.data.pipeline.reading import Distribute, in_threads
from keras_wa.data.pipeline.store import (
    CASES,
    FACTS,
    IMAGES,
    MANIFEST,
    PreparedStore,
)
from keras_wa.data.splits import split_faults
from keras_wa.errors import UserError, may_pass
from keras_wa.files import locked, remove_partials, replacing
from keras_wa.progress import ProgressBar

_ATTEMPTS = 2

Read = tuple[NDArray[np.uint8] | None, dict[str, Any]]
"""The pixels of an ROI, if it can be read, and the journal's record of it."""


def prepare(
    dataset: Dataset,
    out_dir: str | os.PathLike[str],
    image_size: int = 224,
    progress: bool = True,
    distribute: Distribute | None = None,
) -> PreparedStore:
    """Reads, resizes and stores every ROI of a data set, or opens an existing store.

    The store is `out_dir/<dataset>-<hash>/`, with a hash of the settings, the case
    table and each file's size and change times. The same inputs give the same bytes. It
    is built in `<dataset>-<hash>.partial/` and renamed when complete; after an
    interruption, the next call resumes.

    Args:
        dataset: the data set, see `load_cases`.
        out_dir: folder of the stores; it is created if missing.
        image_size: height and width of the stored ROIs, pixels, at least 32.
        progress: whether to show a progress bar on stderr.
        distribute: how ROIs are read, such as `keras_wa.cluster.tasks.run_tasks`; None
            for threads of this process.

    Returns:
        The store. Files that cannot be read are left out, counted in the notes and
        listed in the manifest with the reason. Those that fail for lack of memory or an
        error of the disk are tried again at the end.

    Raises:
        UserError: no ROI can be read, the case table is invalid, the disk is full, or
            `out_dir` cannot be created or written.
    """
    if image_size < 32:
        raise UserError(
            f"`image_size`. Received: {image_size}; expected at least 32 pixels."
        )
    validate(dataset.cases, dataset.name)
    size = (int(image_size), int(image_size))
    settings = describe_settings(dataset, size)
    final = Path(out_dir) / f"{dataset.name}-{store_key(dataset, settings)}"
    if final.exists():
        return PreparedStore.open(final)
    partial = final.with_name(f"{final.name}.partial")
    needed = stack_bytes((len(dataset.cases), *size))
    with disk_errors(Path(out_dir), needed), locked(partial):
        if final.exists():
            # Another process finished it before this one got the lock.
            if partial.exists() and not any(partial.iterdir()):
                partial.rmdir()
            return PreparedStore.open(final)
        _build(dataset, partial, size, settings, progress, distribute)
        os.replace(partial, final)
    return PreparedStore.open(final)


def _read(dataset: Dataset, row: pd.Series, size: tuple[int, int]) -> Roi | UserError:
    """Returns an ROI at the stored size, or its error."""
    try:
        roi = dataset.read(row)
        return Roi(resize(roi.pixels, size), roi.facts)
    except UserError as error:
        return error
    except MemoryError as error:
        failure = UserError(
            f"{row['roi_id']}: not enough memory to read it. End other programs, and "
            "run it again."
        )
        failure.__cause__ = error
        return failure


def _build(
    dataset: Dataset,
    partial: Path,
    size: tuple[int, int],
    settings: dict[str, Any],
    progress: bool,
    distribute: Distribute | None,
) -> None:
    """Completes the partial folder."""
    count = len(dataset.cases)
    shape = (count, *size)
    remove_partials(partial)
    if not (partial / IMAGES).exists():
        check_space(partial, stack_bytes(shape))
    if distribute is None:
        distribute = functools.partial(in_threads, dataset)
    read = functools.partial(_read_rows, dataset, size)
    with (
        ImageStackFile(partial / IMAGES, shape) as images,
        Journal(partial / "journal.jsonl", fresh=not images.resumed) as journal,
        ProgressBar(f"Preparing {dataset.name}", count, progress) as bar,
    ):
        for _ in range(_ATTEMPTS):
            todo = [row for row in range(count) if _is_open(journal.done.get(row))]
            bar.advance(count - len(todo) - bar.done)
            for rows, results in distribute(read, todo):
                outcomes = []
                for row, result in zip(rows, results, strict=True):
                    if isinstance(result, UserError):  # Of `distribute`.
                        name = dataset.cases["roi_id"].iloc[row]
                        outcomes.append((row, _failure(f"{name}: {result}", result)))
                        continue
                    pixels, outcome = result
                    if pixels is not None:
                        images.write(row, pixels)
                    outcomes.append((row, outcome))
                images.sync()
                journal.add(outcomes)
                bar.advance(len(rows))
        outcome_of = dict(journal.done)
    _finish(dataset, partial, shape, settings, outcome_of)


def _is_open(outcome: Mapping[str, Any] | None) -> bool:
    """Returns whether a row is unread, or may be readable in another attempt."""
    return outcome is None or "may_pass" in outcome


def _outcome(result: Roi | UserError, dataset: Dataset) -> dict[str, Any]:
    """Returns the journal's record of a row."""
    if isinstance(result, Roi):
        return {"facts": result.facts}
    # Without the location of the files, which may change.
    reason = str(result).replace(f"{dataset.root}{os.sep}", "")
    return _failure(reason, result)


def _failure(reason: str, error: UserError) -> dict[str, Any]:
    return {"reason": reason, **({"may_pass": True} if may_pass(error) else {})}


def _read_rows(dataset: Dataset, size: tuple[int, int], rows: list[int]) -> list[Read]:
    """Reads ROIs at the stored size."""
    table = dataset.cases.iloc[rows]
    if dataset.read_block is not None:
        return [
            (resize(image, size), {"facts": {}}) for image in dataset.read_block(table)
        ]
    results = (_read(dataset, table.iloc[i], size) for i in range(len(rows)))
    return [
        (each.pixels if isinstance(each, Roi) else None, _outcome(each, dataset))
        for each in results
    ]


def _finish(
    dataset: Dataset,
    partial: Path,
    shape: tuple[int, int, int],
    settings: dict[str, Any],
    outcomes: dict[int, dict[str, Any]],
) -> None:
    """Removes the rows that failed and writes the tables and the manifest."""
    count = len(dataset.cases)
    failed = {
        row: outcomes[row]["reason"]
        for row in range(count)
        if "reason" in outcomes[row]
    }
    if len(failed) == count:
        shutil.rmtree(partial)
        raise UserError(
            f"{dataset.root}: none of {count} ROIs could be read. Expected: at least "
            f"some of them. The first: {failed[0]}"
        )
    kept = [row for row in range(count) if row not in failed]
    facts = [outcomes[row]["facts"] for row in kept]
    cases = _with_spacing(dataset.cases.iloc[kept].reset_index(drop=True), facts)
    if failed:
        _compact(partial / IMAGES, shape, kept)
    write_case_table(cases, partial / CASES)
    lines = [
        json.dumps({"roi_id": name, **each}, sort_keys=True, ensure_ascii=False)
        for name, each in zip(cases["roi_id"], facts, strict=True)
    ]
    (partial / FACTS).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    skipped = [*dataset.skipped]
    names, labels = dataset.cases["roi_id"], dataset.cases["label"]
    skipped += [(str(names.iloc[row]), why) for row, why in failed.items()]
    notes = [*dataset.notes, *notes_of(cases, facts)]
    if failed:
        notes.append(
            f"{len(failed)} of {count} ROIs could not be read and were left out: "
            f"{left_out_by_class(labels.iloc[[*failed]], cases['label'])}; {MANIFEST} "
            "lists them with the reason."
        )
    passing = [why for row, why in failed.items() if "may_pass" in outcomes[row]]
    if passing:
        notes.append(
            f"Of these, left out for a fault of the system, not of a file: "
            f"{len(passing)}, such as {passing[0]} To read them, fix it, remove "
            "this store and prepare again."
        )
    notes += [f"{fault} train and evaluate need both." for fault in split_faults(cases)]
    digest = hash_files(partial, [IMAGES])[IMAGES]
    manifest = make_manifest(settings, cases, facts, skipped, notes, str(digest))
    (partial / MANIFEST).write_text(to_json(manifest) + "\n", encoding="utf-8")
    (partial / "journal.jsonl").unlink()


def _with_spacing(
    cases: pd.DataFrame, facts: Sequence[Mapping[str, Any]]
) -> pd.DataFrame:
    """Adds the pixel spacings that were read or assumed."""
    found = pd.Series([each.get("pixel_spacing_mm") for each in facts], dtype="Float64")
    return cases.assign(pixel_spacing_mm=cases["pixel_spacing_mm"].fillna(found))


def _compact(path: Path, shape: tuple[int, int, int], kept: Sequence[int]) -> None:
    """Rewrites an image stack with only the rows that were read."""
    images = np.load(path, mmap_mode="r")
    with (
        replacing(path) as partial,
        ImageStackFile(partial, (len(kept), *shape[1:])) as file,
    ):
        for new, old in enumerate(kept):
            file.write(new, images[old])
        file.sync()
