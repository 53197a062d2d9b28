"""The dataset `cbis-ddsm`: case lists and images, in any common copy."""

from __future__ import annotations

import collections
import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from keras_wa.data.case_table import COLUMNS, new_case_table
from keras_wa.data.dataset import Dataset
from keras_wa.data.finalizing import left_out_by_class, pixel_settings
from keras_wa.data.options import ReadOptions
from keras_wa.data.readers.cbis_ddsm.case_lists import (
    LISTED,
    absent_lists,
    find_case_lists,
    parts_note,
    read_case_lists,
)
from keras_wa.data.readers.cbis_ddsm.layouts import CONVERTED, JPEG, Tree, find_series
from keras_wa.data.readers.cbis_ddsm.matching import Files, match_files
from keras_wa.data.readers.cbis_ddsm.roi_reading import RoiReader
from keras_wa.data.readers.cbis_ddsm.stated_spacing import assumption_note
from keras_wa.errors import UserError

_PARTS = {"full": "full_listed", "crop": "crop_listed", "mask": "mask_listed"}
_NEEDED = {"official": ("crop",), "fixed": ("full", "mask"), "roi": ("full", "mask")}
_NAMES = {"full": "mammogram", "crop": "crop", "mask": "mask"}
_WITHOUT_CALLBACK = "BENIGN_WITHOUT_CALLBACK"


PHANTOM_NOTE = (
    "This is a phantom in CBIS-DDSM's layout (in-silico mammograms; phantom_tree.json "
    "is in the folder): no result on it is clinical."
)


def read_cbis_ddsm(
    data_dir: str | os.PathLike[str],
    options: ReadOptions | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Dataset:
    """Reads CBIS-DDSM from any common copy.

    `docs/cbis-ddsm.md` lists them, with the flaws of the dataset that are handled.

    Args:
        data_dir: the folder of the copy, with subfolders.
        options: lesions and crop; by default `ReadOptions()`.
        seed: not used, since the split is the official one.
        progress: whether to show a progress bar.

    Returns:
        The dataset, one row per ROI, by mammogram. `skipped` has ROIs without files.

    Raises:
        UserError: a case list is absent or unreadable, the folder cannot be listed, or
            no ROI has its files.
    """
    options = options or ReadOptions()
    root = Path(data_dir)
    place = Path(options.case_lists) if options.case_lists is not None else root
    paths = find_case_lists(place, options.lesion)
    lists = read_case_lists(paths)
    listed, notes = _choose(lists.cases, options)
    skipped = list(lists.skipped)
    if listed.empty:
        raise UserError(
            f"{place}: no ROI in the case lists that can be used. Received: "
            f"{len(lists.cases)} requested rows, {len(skipped)} bad ones"
            + (f", the first: {': '.join(skipped[0])}" if skipped else "")
            + ". Expected: the official lists; download them again."
        )
    notes += [*absent_lists(paths, options.lesion), *lists.notes]
    tree = find_series(root, listed, progress)
    files = match_files(root, listed, tree)
    if options.require_files:
        absent = _absent(listed, files, options)
        if len(absent) == len(listed):
            raise _nothing(root, listed, files, tree, options)
        if absent:
            skipped += absent.values()
            labels = listed["label"]
            lost = labels.index.isin(list(absent))
            notes.append(
                f"ROIs left out because a file is missing: {len(absent)} of "
                f"{len(listed)}: {left_out_by_class(labels[lost], labels[~lost])}."
            )
        listed = listed.drop(index=list(absent)).reset_index(drop=True)
        files = [each for row, each in enumerate(files) if row not in absent]
    notes += parts_note(listed)
    notes += [*tree.notes, *_notes_on_files(files, options)]
    if tree.is_phantom:
        notes.insert(0, PHANTOM_NOTE)
    cases = _with_paths(listed, files)
    full = cases["image_path"].dropna()
    reader = RoiReader(
        root,
        options,
        dict(zip(cases["roi_id"], files, strict=True)),
        full[full.duplicated()],
    )
    return Dataset(
        name="cbis-ddsm",
        cases=cases,
        read=reader,
        read_mask=reader.read_mask,
        source=_source(options),
        root=root,
        split=_split(cases, lists.cases),
        notes=notes,
        skipped=skipped,
    )


def _split(cases: pd.DataFrame, listed: pd.DataFrame) -> str:
    """Describes the split: that of the lists, unless pooling has moved patients."""
    given = listed.set_index("roi_id")["split"].reindex(cases["roi_id"])
    moved = given.to_numpy() != cases["split"].to_numpy()
    return f"official, {moved.sum()} ROIs moved to test" if moved.any() else "official"


def _choose(
    cases: pd.DataFrame, options: ReadOptions
) -> tuple[pd.DataFrame, list[str]]:
    """Returns the selected rows, by mammogram, with their part of the split."""
    without = cases["pathology"] == _WITHOUT_CALLBACK
    if options.drop_without_callback:
        cases = cases[~without]
        notes = [f"{_WITHOUT_CALLBACK} left out: {without.sum()} ROIs."]
    else:
        notes = [f"{_WITHOUT_CALLBACK} counts as benign: {without.sum()} ROIs."]
    if options.lesion == "all":
        cases, moved = _move_leaked_patients(cases)
        notes += moved
    # Lesions of one mammogram are consecutive, so that it is decoded once.
    order = cases.groupby("full_listed", sort=False).ngroup()
    return cases.iloc[order.argsort(kind="stable")].reset_index(drop=True), notes


def _move_leaked_patients(cases: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Moves patients that are in both parts of the official split to the test part.

    Calcifications and masses were split separately, so that some patients are in the
    test part of one and in the training part of the other. There is a note for each
    direction with the numbers of patients and ROIs.
    """
    parts = cases.groupby("patient_id")["split"].nunique()
    torn = cases["patient_id"].isin(parts.index[parts > 1])
    moved = torn & (cases["split"] == "train")
    notes = []
    for lesion, rows in cases[moved].groupby("lesion_type"):
        notes.append(
            "Official split: patients moved to the test part, where they have other "
            f"lesions: {rows['patient_id'].nunique()} (ROIs, {lesion}: {len(rows)})."
        )
    result = cases.copy()
    result["split"] = cases["split"].mask(moved, "test").astype(COLUMNS["split"])
    return result, notes


def _absent(
    listed: pd.DataFrame, files: Sequence[Files], options: ReadOptions
) -> dict[int, tuple[str, str]]:
    """Returns row, file and reason of each ROI without a required file."""
    absent = {}
    rois = enumerate(listed.to_dict("records"))
    for (row, roi), found in zip(rois, files, strict=True):
        missing = _missing(found, options.crop)
        if missing:
            parts = " and ".join(_NAMES[part] for part in missing)
            reason = found.problem or f"{parts} missing"
            absent[row] = roi[_PARTS[missing[0]]], f"{roi['roi_id']}: {reason}."
    return absent


def _missing(files: Files, crop: str) -> list[str]:
    """Returns the missing parts that this crop requires."""
    return [part for part in _NEEDED[crop] if getattr(files, part) is None]


def _nothing(
    root: Path,
    listed: pd.DataFrame,
    files: Sequence[Files],
    tree: Tree,
    options: ReadOptions,
) -> UserError:
    """Returns the error if no ROI is usable."""
    if not tree.series:
        return UserError(
            f"{root}: no file of CBIS-DDSM. Received: {tree.images} image files, none "
            "of a listed series; expected <case>/<study>/<series>/1-1.dcm or another "
            "tree that docs/cbis-ddsm.md names, at any depth. `keras_wa.data.download` "
            "fetches it."
        )
    counts = ", ".join(
        f"{_NAMES[part]} {sum(getattr(each, part) is not None for each in files)}"
        for part in _PARTS
    )
    needed = " and ".join(_NAMES[part] for part in _NEEDED[options.crop])
    return UserError(
        f"{root}: no ROI has the files that `crop={options.crop!r}` needs. Received, "
        f"of {len(listed)} ROIs: {counts}; expected {needed} of each. Download "
        "the rest, or choose another `crop`."
    )


def _notes_on_files(files: Sequence[Files], options: ReadOptions) -> list[str]:
    copies = collections.Counter(each.copy for each in files if each.copy)
    notes = [
        f"Copy of CBIS-DDSM: {copy}, {count} ROIs." for copy, count in copies.items()
    ]
    if copies[JPEG]:
        notes.append(
            "The JPEG copy has 8 bits and is lossy: its ROIs are not those of the "
            "DICOM files."
        )
    if copies[CONVERTED]:
        notes.append(
            "Converted files, not CBIS-DDSM's own DICOM files: their "
            f"grey levels and sizes may differ; {copies[CONVERTED]} ROIs."
        )
    swapped = sum(each.swapped for each in files)
    if swapped:
        notes.append(
            "Crop and mask were swapped in the case list, according to the files: "
            f"{swapped} ROIs; this was corrected."
        )
    if copies and options.pixel_spacing is None:
        field = options.field_mm if options.crop == "fixed" else None
        notes.append(assumption_note(field))
    return notes


def _with_paths(listed: pd.DataFrame, files: Sequence[Files]) -> pd.DataFrame:
    """Returns the case table."""
    paths = pd.DataFrame(files)
    cases = listed.drop(columns=list(LISTED)).assign(
        image_path=paths["full"], crop_path=paths["crop"], mask_path=paths["mask"]
    )
    return new_case_table(cases[list(COLUMNS)])


def _source(options: ReadOptions) -> dict[str, object]:
    """Returns the settings that, with the files, determine the pixels."""
    source = pixel_settings(options)
    if options.crop != "fixed":
        del source["field_mm"]
    return source | {"drop_without_callback": options.drop_without_callback}
