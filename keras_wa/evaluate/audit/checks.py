"""Runs all checks of a dataset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_wa.data import Dataset, split_cases, split_hash
from keras_wa.data.case_table import PARTS
from keras_wa.data.finalizing import left_out_by_class
from keras_wa.data.pipeline.manifest import notes_of
from keras_wa.data.pipeline.reading import Distribute
from keras_wa.data.splits import SPLITS, split_origin
from keras_wa.errors import UserError, unknown_name
from keras_wa.evaluate.audit.copy_checks import (
    CONFLICTS,
    DUPLICATES,
    check_conflicts,
    check_duplicates,
)
from keras_wa.evaluate.audit.findings import AuditReport, CheckResult
from keras_wa.evaluate.audit.guesses import SHORTCUT_AUC, STRONG_SHORTCUT_AUC
from keras_wa.evaluate.audit.look_alikes import MAX_DISTANCE, MIN_CORRELATION
from keras_wa.evaluate.audit.metadata import check_metadata
from keras_wa.evaluate.audit.names import check_names
from keras_wa.evaluate.audit.patients import check_patients, leaked_patients
from keras_wa.evaluate.audit.pixels import Pixels, read_pixels
from keras_wa.evaluate.audit.recall import check_recall
from keras_wa.evaluate.audit.same_images import find_copies
from keras_wa.evaluate.audit.statistics import STATISTICS, check_statistics
from keras_wa.evaluate.text import count
from keras_wa.progress import track

RECALL_SPLITS = 200
"""Number of random splits for the score of patient recall."""

FILES = ("files", "Notes from reading the image files")


def run_audit(
    dataset: Dataset,
    split: str = "official",
    seed: int = 0,
    resamples: int = 1000,
    limit_images: int | None = None,
    image_size: int = 128,
    progress: bool = True,
    distribute: Distribute | None = None,
) -> tuple[AuditReport, NDArray[np.uint8] | None]:
    """Checks a dataset for leakage and shortcuts that invalidate results.

    Args:
        dataset: result of `load_cases`. If its files are missing, the checks of pixels
            are skipped.
        split: a name of `keras_wa.data.splits.SPLITS` except `augmented-first`, whose
            copies are not in the dataset. Validation is drawn as in training. The
            dataset's own split is used even if it has patient leakage, to report it.
        seed: seed of all random draws.
        resamples: number of resamples of the patients, at least 1.
        limit_images: largest number of ROIs to read, drawn at random; None for all, 0
            for none.
        image_size: height and width at which images are compared, pixels, at least 64.
        progress: whether to show progress bars.
        distribute: how ROIs are read, such as `keras_wa.cluster.tasks.run_tasks`; None
            for threads of this process.

    Returns:
        The report; and the images, uint8 of shape `(N, image_size, image_size)`,
        indexed by `Group.images`, or None if none were read.
    """
    check_split_name(split)
    for name, value, least in (
        ("resamples", resamples, 1),
        ("limit_images", limit_images, 0),
        ("image_size", image_size, 64),
    ):
        if value is not None and value < least:
            raise UserError(
                f"`{name}` of an audit. Received: {value}; expected at least {least}."
            )
    cases = _with_split(dataset.cases, split, seed)
    pixels, reason = _pixels(
        dataset, limit_images, image_size, seed, progress, distribute
    )
    copies, of_pixels = _of_pixels(cases, pixels, reason, resamples, seed)
    checks: list[Callable[[], list[CheckResult]]] = [
        lambda: [check_patients(cases)],
        copies,
        lambda: [check_recall(cases, resamples, seed, RECALL_SPLITS)],
        lambda: [check_metadata(cases, resamples, seed)],
        lambda: [check_names(cases, resamples, seed)],
        of_pixels,
    ]
    findings = [
        finding
        for check in track(checks, f"Checking {dataset.name}", enabled=progress)
        for finding in check()
    ]
    origin = split_origin(split, dataset.split, seed)
    report = AuditReport(
        dataset=dataset.name,
        split=f"{origin}, {split_hash(cases)}",
        counts=_counts(cases),
        notes=[*dataset.notes, *_notes(dataset, pixels, limit_images, split)],
        findings=findings,
        settings={
            "split_origin": origin,
            "split_hash": split_hash(cases),
            "seed": seed,
            "resamples": resamples,
            "random_splits": RECALL_SPLITS,
            "limit_images": limit_images,
            "image_size": image_size,
            "images_read": len(pixels.rows),
            "shortcut_auc": SHORTCUT_AUC,
            "strong_shortcut_auc": STRONG_SHORTCUT_AUC,
            "hash_distance": MAX_DISTANCE,
            "detail_correlation": MIN_CORRELATION,
        },
    )
    return report, pixels.images if len(pixels.rows) else None


def check_split_name(split: str) -> None:
    """Raises `UserError` if `run_audit` does not accept a split."""
    if split == "augmented-first":
        raise UserError(
            "`split` of an audit. Received: 'augmented-first'; expected 'official', "
            "'patient-kfold' or 'random-roi'; each audit reports the score of such "
            "copies with patient recall."
        )
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)


def _with_split(cases: pd.DataFrame, split: str, seed: int) -> pd.DataFrame:
    no_training = "train" not in set(cases["split"])
    if split == "official" and (no_training or leaked_patients(cases)):
        return cases.copy()
    return split_cases(cases, split, seed)


def _pixels(
    dataset: Dataset,
    limit: int | None,
    size: int,
    seed: int,
    progress: bool,
    distribute: Distribute | None,
) -> tuple[Pixels, str]:
    """Returns the pixels, and the reason if there are none."""
    pixels = read_pixels(dataset, limit, size, seed, progress, distribute)
    if limit == 0:
        return pixels, "no images were requested"
    if pixels.skipped and not len(pixels.rows):
        return pixels, (
            f"no images; none of {count(len(pixels.skipped), 'ROI')} could be read. "
            f"The first: {pixels.skipped[0][1].rstrip('.')}"
        )
    return pixels, ""


def _of_pixels(
    cases: pd.DataFrame, pixels: Pixels, reason: str, resamples: int, seed: int
) -> list[Callable[[], list[CheckResult]]]:
    """Returns the checks of duplicates, then the others; not done for a reason."""
    if reason:
        sentence = f"Not done: {reason}."
        undone = [
            CheckResult(*title, "not done", sentence)
            for title in (DUPLICATES, CONFLICTS, STATISTICS, FILES)
        ]
        return [lambda: undone[:2], lambda: undone[2:]]

    def copies() -> list[CheckResult]:
        found = find_copies(cases, pixels)
        return [check_duplicates(found), check_conflicts(found)]

    return [
        copies,
        lambda: [
            check_statistics(cases, pixels, resamples, seed),
            check_files(cases, pixels),
        ],
    ]


def check_files(cases: pd.DataFrame, pixels: Pixels) -> CheckResult:
    """Collects the notes from reading the files: a warning if there is one.

    Each is about something that changes grey levels or lengths, such as 12-bit values
    in a 16-bit file.
    """
    notes = notes_of(cases.iloc[pixels.rows], pixels.facts)
    if not notes:
        sentence = f"Nothing unusual in the files of {count(len(pixels.rows), 'ROI')}."
        return CheckResult(*FILES, "ok", sentence)
    return CheckResult(
        *FILES,
        "warning",
        " ".join(notes),
        "Grey levels and lengths depend on this: correct it before training on these "
        "files, or report it with the results.",
        details={"notes": notes},
    )


def _counts(cases: pd.DataFrame) -> dict[str, Any]:
    """Counts ROIs and patients of each part and of all parts."""
    parts = {part: cases[cases["split"] == part] for part in PARTS}
    return {
        name: {
            "rois": len(theirs),
            "patients": int(theirs["patient_id"].nunique()),
            "label_0": int((theirs["label"] == 0).sum()),
            "label_1": int((theirs["label"] == 1).sum()),
        }
        for name, theirs in {**parts, "all": cases}.items()
        if len(theirs)
    }


def _notes(
    dataset: Dataset, pixels: Pixels, limit: int | None, split: str
) -> list[str]:
    """Returns the notes on the pixels that were read."""
    notes = []
    cases, read, skipped = dataset.cases, len(pixels.rows), pixels.skipped
    if limit is not None and limit < len(cases):
        notes.append(
            f"Pixels of {limit} of {count(len(cases), 'ROI')} were requested, drawn at "
            "random: among the others, copies and files that train would leave out "
            "are not found."
        )
    if skipped and read:
        lost = cases["label"][cases["roi_id"].isin([name for name, _ in skipped])]
        by_class = left_out_by_class(lost, cases["label"].iloc[pixels.rows])
        notes.append(
            f"{len(skipped)} of {count(read + len(skipped), 'ROI')} could not be read "
            f"and {'was' if len(skipped) == 1 else 'were'} skipped in the checks "
            f"of pixels: {by_class}. The first: {skipped[0][0]}: {skipped[0][1]}"
        )
        if split != "official" or "val" not in set(cases["split"]):
            notes.append(
                "The split of this audit was drawn with the ROIs that could not be "
                "read. train leaves them out and draws without them, so it has another "
                "split."
            )
    return notes
