"""What a prepared store says of itself, and the key that it is found by."""

from __future__ import annotations

import collections
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

import keras_wa
from keras_wa.data import Dataset
from keras_wa.data.file_state import state_of
from keras_wa.data.pipeline.store import FORMAT

_FILES = ("image_path", "crop_path", "mask_path")


def describe_settings(dataset: Dataset, size: tuple[int, int]) -> dict[str, Any]:
    """Everything but the files that decides the bytes of a store.

    Args:
        dataset: what is prepared.
        size: height and width of the stored ROIs, pixels.

    Returns:
        Values that JSON can hold.
    """
    cases = dataset.cases.to_csv(index=False, lineterminator="\n")
    settings: dict[str, Any] = {
        "format": FORMAT,
        "keras_wa": keras_wa.__version__,
        "dataset": dataset.name,
        "source": dict(dataset.source),
        "split": dataset.split,
        "image_size": list(size),
        "resize": "mean of areas to shrink, linear to grow",
        "enhancement": "none (raw grey)",
        "dataset_cases_sha256": hashlib.sha256(cases.encode()).hexdigest(),
        "dataset_skipped": [list(item) for item in dataset.skipped],
    }
    if dataset.root is None:
        # A computed ROI stands for the code that computes it.
        first = dataset.read(dataset.cases.iloc[0]).pixels
        settings["first_roi_sha256"] = hashlib.sha256(first.tobytes()).hexdigest()
    return settings


def store_key(dataset: Dataset, settings: Mapping[str, Any]) -> str:
    """Name of the store: other settings or a changed file give another one.

    A file is known by `state_of`: to hash a hundred gigabytes of mammograms takes
    longer than to read the ROIs out of them. What was read is hashed on the way and
    stands in the store's facts. A copied data set is prepared once again, with the same
    pixels.
    """
    files = {}
    if dataset.root is not None:
        for column in _FILES:
            for name in dataset.cases[column].dropna().unique():
                files[name] = state_of(dataset.root / name)
    return hashlib.sha256(to_json([settings, files]).encode()).hexdigest()[:12]


def make_manifest(
    settings: Mapping[str, Any],
    cases: pd.DataFrame,
    facts: Sequence[Mapping[str, Any]],
    skipped: Sequence[tuple[str, str]],
    notes: Sequence[str],
    images_sha256: str,
) -> dict[str, Any]:
    """The content of `manifest.json`.

    Args:
        settings: from `describe_settings`.
        cases: the case table of the ROIs that are in the store.
        facts: what reading each of them found out.
        skipped: file or ROI, and reason, of what was left out.
        notes: sentences that the user has to see.
        images_sha256: of the file of images.

    Returns:
        Values that JSON can hold.
    """
    by_part = cases.groupby("split")
    return {
        **settings,
        "images": len(cases),
        "images_sha256": images_sha256,
        "counts": {
            str(part): {str(label): int((labels == label).sum()) for label in (0, 1)}
            for part, labels in by_part["label"]
        },
        "patients": {
            str(part): int(number)
            for part, number in by_part["patient_id"].nunique().items()
        },
        "facts": _summary(facts),
        "skipped": [{"path": path, "reason": reason} for path, reason in skipped],
        "notes": list(notes),
    }


def notes_of(cases: pd.DataFrame, facts: Sequence[Mapping[str, Any]]) -> list[str]:
    """What was noted about the files of ROIs, a sentence for each kind of note.

    Args:
        cases: the case table of the ROIs.
        facts: what reading each of them found out. Notes are of one kind if they agree
            up to their first colon.

    Returns:
        Sentences, each with how many ROIs it is about and the first of them.
    """
    found: dict[str, list[str]] = {}
    for name, each in zip(cases["roi_id"], facts, strict=True):
        for note in each.get("notes", ()):
            found.setdefault(note.partition(":")[0], []).append(f"{name}: {note}")
    return [
        f"{len(notes)} of {len(cases)} ROIs have this note, such as {notes[0]}"
        for notes in found.values()
    ]


def to_json(value: Any) -> str:
    """JSON with sorted keys, the same text for the same value."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)


def _summary(facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts of what was found, and how large the ROIs are in the breast."""
    summary: dict[str, Any] = {}
    for name in ("swapped", "mask_resized"):
        summary[name] = sum(bool(each.get(name)) for each in facts)
    summary["beyond_the_image"] = sum(each.get("padding", 0) > 0 for each in facts)
    origins = collections.Counter(
        each["spacing_from"] for each in facts if "spacing_from" in each
    )
    summary["spacing_from"] = dict(sorted(origins.items()))
    sizes = np.array([each["size_mm"] for each in facts if each.get("size_mm")])
    if len(sizes):
        quantiles = np.quantile(sizes, [0, 0.5, 1], axis=0).round(3).tolist()
        summary["size_mm"] = dict(zip(("min", "median", "max"), quantiles, strict=True))
    return summary
