"""Writes phantom mammograms as DICOM files in the layout of CBIS-DDSM."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd

from keras_wa.cores import usable_cores
from keras_wa.data.phantom_tree.phantom_dicom import SAYS_PHANTOM
from keras_wa.data.phantom_tree.phantom_film import write_film
from keras_wa.data.phantom_tree.phantom_lists import (
    phantom_case_lists,
    write_case_lists,
)
from keras_wa.data.phantom_tree.phantom_settings import TreeSettings
from keras_wa.data.readers.cbis_ddsm.layouts import PHANTOM_SETTINGS
from keras_wa.errors import UserError
from keras_wa.files import remove_partials, replacing, write_json
from keras_wa.phantom import PhantomSpec
from keras_wa.phantom.spec import PHANTOM_VERSION
from keras_wa.progress import ProgressBar

TRUTH_FILE = "phantom_truth.csv"
"""File of the positions of all particles."""

_FORMAT = 1
# Pixels that one process draws in the time that a second process takes to start.
_PIXELS_A_PROCESS = 4e7
_MOST_WORKERS = 8

_README = """\
{says}

The mammograms below were computed by keras_wa from random numbers. They show no one.
They have the layout of CBIS-DDSM, and where real case lists were used its identifiers,
so that programs that read CBIS-DDSM can be tried without it. Do not mix these files
with real ones. A result on them says nothing clinical.

*_case_description_*.csv   the case lists
<case>/<study>/<series>/   mammogram, crop and mask of each case, DICOM
{truth:<27}what was drawn where: a row per calcification (or part of a mass)
{settings:<27}how the tree was made
"""


def write_phantom_tree(
    out: Path,
    cases: pd.DataFrame | None = None,
    spec: PhantomSpec | None = None,
    image_shape: tuple[int, int] = TreeSettings.image_shape,
    compress: str = TreeSettings.compress,
    swapped: float = TreeSettings.swapped,
    mismatched: float = TreeSettings.mismatched,
    names: str = TreeSettings.names,
    workers: int | None = None,
    progress: bool = True,
    pixel_mm: float = TreeSettings.pixel_mm,
) -> pd.DataFrame:
    """Writes a phantom of CBIS-DDSM: DICOM files, case lists, ground truth.

    The same arguments give the same bytes, with any number of processes. After an
    interruption, the next call keeps complete files. A film, its lesions and its flaws
    are functions of their names and the seed.

    Args:
        out: folder of the tree; new, or of an interrupted call with equal arguments.
        cases: rows of `read_case_lists`, whose files are written; by default those of
            `phantom_case_lists(spec)`.
        spec: the phantom set; `seed`, `field_mm` (the largest lesion), `conspicuity`
            and, without `cases`, `labelling` are used.
        image_shape: rows and columns of a mammogram, pixels.
        compress: `rle`, as in NBIA's files, or `none`.
        swapped: share of ROIs whose crop and mask are swapped.
        mismatched: share of ROIs whose mask and mammogram differ in size.
        names: `old`: file names of the lists; `new`: `1-1.dcm`, `1-2.dcm`.
        workers: number of processes; by default one per core, at most 8. With more than
            one, a script needs `if __name__ == "__main__":`.
        progress: whether to show a progress bar.
        pixel_mm: side of a pixel, mm. As in CBIS-DDSM, it is not in the files.

    Returns:
        The ground truth, also written to `phantom_truth.csv`: a row per particle with
        its ROI; its centre in the mammogram in pixels (`x_px`, `y_px`; the centres of
        pixels are integers) and in mm from the film's corner (`x_mm`, `y_mm`); the
        window of the crop in the mammogram (`crop_left`, `crop_top`, `crop_width`,
        `crop_height`); and the flaws of the ROI: `swapped`, `mask_resized`, and
        `described`: whether SeriesDescription is `right`, `missing` or `wrong`.

    Raises:
        UserError: an argument is out of range, two rows have the same file, the folder
            has other content, or a film is too small for its lesions.
    """
    spec = spec or PhantomSpec()
    if cases is None:
        cases = phantom_case_lists(spec)
    _check_paths(cases)
    if workers is not None and workers < 1:
        raise UserError(f"At least 1 worker must draw. Received: workers={workers}")
    settings = TreeSettings(
        spec=spec,
        image_shape=(int(image_shape[0]), int(image_shape[1])),
        pixel_mm=pixel_mm,
        compress=compress,
        swapped=swapped,
        mismatched=mismatched,
        names=names,
    )
    out = Path(out)
    _begin(out, settings, cases)
    if (out / TRUTH_FILE).is_file() and _is_complete(out, settings, cases):
        return pd.read_csv(out / TRUTH_FILE)
    films = [
        part.astype(object).to_dict("records")
        for _, part in cases.groupby("full_listed", sort=False)
    ]
    if workers is None:
        pixels = len(films) * image_shape[0] * image_shape[1]
        most = min(_MOST_WORKERS, usable_cores())
        workers = max(1, min(most, int(pixels / _PIXELS_A_PROCESS)))
    rows: list[dict[str, Any]] = []
    with ProgressBar("Drawing phantom mammograms", len(films), progress) as bar:
        for part in _written(out, settings, films, workers):
            rows += part
            bar.advance()
    truth = pd.DataFrame(rows)
    with replacing(out / TRUTH_FILE) as partial:
        truth.to_csv(partial, index=False, lineterminator="\n")
    return truth


def _check_paths(cases: pd.DataFrame) -> None:
    if cases.empty:
        raise UserError("Phantom tree: no ROI. Expected: at least one row.")
    paths = [cases["crop_listed"], cases["mask_listed"]]
    files = pd.concat([cases["full_listed"].drop_duplicates(), *paths])
    twice = files[files.duplicated()]
    if len(twice):
        raise UserError(
            f"Phantom tree: the file {twice.iloc[0]} is named twice in the case lists. "
            "Expected: a separate file for each crop, mask and mammogram."
        )


def _begin(out: Path, settings: TreeSettings, cases: pd.DataFrame) -> None:
    """Creates the folder, or checks that it was begun with the same arguments."""
    listed = cases.drop(columns=["image_path", "crop_path", "mask_path"])
    digest = hashlib.sha256(listed.to_csv(index=False).encode()).hexdigest()
    record = {
        "what": SAYS_PHANTOM,
        "format": _FORMAT,
        "phantom_version": PHANTOM_VERSION,
        **dataclasses.asdict(settings),
        "image_shape": list(settings.image_shape),
        "rois": len(cases),
        "case_lists_sha256": digest,
    }
    if out.exists() and not (out.is_dir() and _is_empty(out)):
        path = out / PHANTOM_SETTINGS
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise UserError(
                f"{out} already exists and is no phantom tree. Received: no readable "
                f"{PHANTOM_SETTINGS}; expected a new folder. Name another."
            ) from None
        differs = [name for name in record if found.get(name) != record[name]]
        if differs:
            raise UserError(
                f"{out} has a phantom tree with another {differs[0]}. Received: "
                f"{record[differs[0]]!r}; expected {found.get(differs[0])!r}. Name "
                "another folder."
            )
        remove_partials(out)
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / PHANTOM_SETTINGS, record)
    with replacing(out / "README.txt") as partial:
        text = _README.format(
            says=SAYS_PHANTOM, truth=TRUTH_FILE, settings=PHANTOM_SETTINGS
        )
        partial.write_text(text, encoding="utf-8")
    write_case_lists(cases, out)


def _is_complete(out: Path, settings: TreeSettings, cases: pd.DataFrame) -> bool:
    listed = pd.concat(
        [cases[name] for name in ("full_listed", "crop_listed", "mask_listed")]
    )
    return all((out / settings.path(path)).is_file() for path in listed.unique())


def _is_empty(folder: Path) -> bool:
    """Returns whether a folder has no content except partial files."""
    remains = set(folder.glob(".*.partial-*"))
    return all(path in remains for path in folder.iterdir())


def _written(
    out: Path,
    settings: TreeSettings,
    films: Sequence[Sequence[Mapping[Any, Any]]],
    workers: int,
) -> Iterator[list[dict[str, Any]]]:
    """Writes the films and yields the ground truth of each, in order."""
    if workers == 1:
        yield from (write_film(out, settings, rows) for rows in films)
        return
    # Spawned, since a fork of a process with threads may hang.
    context = multiprocessing.get_context("spawn")
    with contextlib.ExitStack() as stack:
        pool = ProcessPoolExecutor(workers, context, initializer=_start_worker)
        stack.callback(pool.shutdown, cancel_futures=True)
        tasks = [pool.submit(write_film, out, settings, rows) for rows in films]
        for task in tasks:
            yield task.result()


def _start_worker() -> None:
    """Ignores Ctrl-C, which the parent handles, and exits when the parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
