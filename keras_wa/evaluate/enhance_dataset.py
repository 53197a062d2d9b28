"""Measures what CLAHE does to the ROIs of a dataset and writes the files."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from keras_wa.data import Dataset
from keras_wa.data.dataset import lesion_mask
from keras_wa.data.io.clahe import clahe
from keras_wa.data.io.resize import resize
from keras_wa.data.loading import DataSettings, load_dataset
from keras_wa.data.pipeline.store import WORKERS
from keras_wa.errors import UserError
from keras_wa.evaluate.image_quality import measure_pair
from keras_wa.evaluate.image_quality_figure import Pair, write_figure
from keras_wa.evaluate.image_quality_table import summarise, write_table
from keras_wa.files import make_folder
from keras_wa.progress import track

_SHOWN = 4
_CONFIDENCE = 0.95


def enhance_dataset(
    settings: DataSettings,
    n: int = 512,
    n_resamples: int = 2000,
    out: str | Path | None = None,
) -> tuple[Path, dict[str, Any]]:
    """Measures ROIs before and after CLAHE, and writes the paper's table and figure.

    Writes `table1.md`, `enhancement.json`, `enhancement.csv` and `figure1.png`. The
    same settings give the same bytes.

    Args:
        settings: the dataset and CLAHE; `data_seed` is also the seed of the draw and of
            the resampling.
        n: number of ROIs, drawn at random, or all of fewer.
        n_resamples: number of resamples of the patients.
        out: the folder, by default `enhancement/<dataset>`.

    Returns:
        The folder, and the record that `write_table` writes.

    Raises:
        UserError: the dataset is invalid, no ROI can be read, or the folder cannot be
            made.
    """
    dataset = load_dataset(settings)
    folder = make_folder(out or f"enhancement/{dataset.name}")
    cases = dataset.cases
    if len(cases) > n:
        cases = cases.sample(n, random_state=settings.data_seed).sort_index()
    table, skipped = _measure(dataset, cases, settings)
    record = {
        "n_rois": len(table),
        "n_patients": int(table["patient_id"].nunique()),
        "n_without_mask": int(table["no_visibility"].notna().sum()),
        "settings": {
            "dataset": dataset.name,
            **_flat(dataset.source),
            "image_size": settings.image_size,
            "clip_limit": settings.clip_limit,
            "tiles": settings.tiles,
        },
        "measures": summarise(table, n_resamples, settings.data_seed, _CONFIDENCE),
        "bootstrap": {
            "kind": "patient-cluster expanded percentile bootstrap",
            "n_resamples": n_resamples,
            "seed": settings.data_seed,
            "confidence": _CONFIDENCE,
        },
        "notes": [*dataset.notes, *_absences(dataset, table, skipped)],
        "skipped": [list(each) for each in skipped],
    }
    # Evenly spaced rows of the table, so that the choice does not depend on the images.
    rows = np.unique(np.linspace(0, len(table) - 1, _SHOWN).round().astype(int))
    by_name = cases.set_index("roi_id", drop=False)
    write_figure(
        folder / "figure1.png",
        [
            _images(dataset, by_name.loc[name], settings)[0]
            for name in table["roi_id"].iloc[rows]
        ],
        f"{_title(dataset)}: CLAHE, clip limit {settings.clip_limit:g}, "
        f"{settings.tiles} by {settings.tiles} tiles; the lesion's mask outlined",
    )
    write_table(folder, table, record)
    return folder, record


def _measure(
    dataset: Dataset, cases: pd.DataFrame, settings: DataSettings
) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """Returns one row per ROI, and the ROIs that could not be read, with the reason."""

    def measure(row: pd.Series) -> dict[str, Any] | UserError:
        try:
            pair, reason = _images(dataset, row, settings)
        except UserError as error:
            return error
        return {
            "roi_id": row["roi_id"],
            "patient_id": row["patient_id"],
            **measure_pair(pair.before, pair.after, pair.mask),
            "no_visibility": reason,
        }

    rows = [row for _, row in cases.iterrows()]
    with ThreadPoolExecutor(WORKERS) as pool:
        measured = pool.map(measure, rows)
        results = list(track(measured, f"Measuring {dataset.name}", len(rows)))
    skipped = [
        (str(row["roi_id"]), str(result))
        for row, result in zip(rows, results, strict=True)
        if isinstance(result, UserError)
    ]
    kept = [result for result in results if not isinstance(result, UserError)]
    if not kept:
        raise UserError(
            f"{dataset.root}: none of {len(rows)} ROIs could be read. Expected: at "
            f"least one of them. The first: {skipped[0][1]}"
        )
    return pd.DataFrame(kept), skipped


def _images(
    dataset: Dataset, row: pd.Series, settings: DataSettings
) -> tuple[Pair, str | None]:
    """Reads an ROI at the network's input size; also returns why it has no mask."""
    size = (settings.image_size, settings.image_size)
    before = resize(dataset.read(row).pixels, size)
    after = clahe(before, settings.clip_limit, (settings.tiles, settings.tiles))
    mask = reason = None
    try:
        mask = lesion_mask(dataset, row, size)
    except UserError as error:
        reason = str(error)
    return Pair(str(row["roi_id"]), before, after, mask), reason


def _absences(
    dataset: Dataset, table: pd.DataFrame, skipped: list[tuple[str, str]]
) -> list[str]:
    """Returns sentences on what the numbers do not cover, and why."""
    notes = []
    if skipped:
        notes.append(
            f"{len(skipped)} of {len(table) + len(skipped)} ROIs could not be read and "
            f"were left out, the first: {skipped[0][1]}"
        )
    reasons = table["no_visibility"].dropna()
    if len(reasons):
        notes.append(
            f"{len(reasons)} of {len(table)} ROIs have no mask, and so no visibility, "
            f"and all of the ROI counts as background, the first: {reasons.iloc[0]}"
        )
    known = table[table["no_visibility"].isna()]
    for name, title, why in (
        ("visibility", "visibility", "nothing in the mask stands out of its ring"),
        ("snr", "SNR", "no window of background is left"),
    ):
        undefined = int(
            known[[f"{name}_before", f"{name}_after"]].isna().any(axis=1).sum()
        )
        if undefined:
            notes.append(f"{undefined} of {len(table)} ROIs have no {title}: {why}.")
    return notes


def _flat(source: Any) -> dict[str, Any]:
    """Returns the settings of a dataset, with those of a phantom at the top level."""
    return {
        key: value
        for name, each in source.items()
        for key, value in (each if isinstance(each, dict) else {name: each}).items()
    }


def _title(dataset: Dataset) -> str:
    """Returns the dataset's name; figures of a phantom are always labelled as such."""
    is_phantom = any(note.startswith("This is a phantom") for note in dataset.notes)
    return f"In-silico phantom ({dataset.name})" if is_phantom else dataset.name
