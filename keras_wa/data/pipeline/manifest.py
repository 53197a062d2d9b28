"""The manifest of a prepared store, and its key."""

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
    """Returns what determines the content of a store besides the files, as JSON."""
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
        # A computed ROI depends on the code.
        first = dataset.read(dataset.cases.iloc[0]).pixels
        settings["first_roi_sha256"] = hashlib.sha256(first.tobytes()).hexdigest()
    return settings


def store_key(dataset: Dataset, settings: Mapping[str, Any]) -> str:
    """Returns the name of a store, which depends on settings and files.

    Files are identified by `state_of`, since hashing a hundred gigabytes of mammograms
    takes longer than reading the ROIs. Files are hashed as they are read, into the
    store's facts. A copied data set is prepared again, with the same pixels.
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
    """Returns the content of `manifest.json` for the ROIs that were stored."""
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
    """Summarises the notes on ROIs, one sentence per kind, with the first of them.

    Notes are of one kind if they are equal up to the first colon.
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
    """Formats JSON with sorted keys: equal values give equal texts."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)


def _summary(facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns counts of facts, and the sizes of the ROIs in the breast."""
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
