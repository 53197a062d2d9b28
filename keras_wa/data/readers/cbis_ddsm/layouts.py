"""Finds the files of CBIS-DDSM in any common copy.

Each file belongs to a series, and the case lists name the series of each part of each
ROI. Depending on the copy, a file's series is the name of its folder (NBIA's classic
tree, idc-index's tree, the JPEG copy on Kaggle), its last digits end the folder's name
(NBIA's descriptive tree), or only the file's header has it (the plain buckets of the
Imaging Data Commons).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import pandas as pd

from keras_wa.data.io import kinds_of, passed_over
from keras_wa.data.io.file_kinds import Kind
from keras_wa.data.readers.cbis_ddsm.parts import FIELDS, Header
from keras_wa.data.readers.dicom_index import index_dicoms
from keras_wa.files import walk_files

CLASSIC = "NBIA's classic tree"
DESCRIPTIVE = "NBIA's descriptive tree"
IDC_TREE = "tree of idc-index"
BY_HEADER = "DICOM files known by their headers"
JPEG = "JPEG copy"
CONVERTED = "images converted to another format"

PHANTOM_SETTINGS = "phantom_tree.json"
"""File that marks a folder written by `write_phantom_tree`."""

_NOT_DICOM = (JPEG, CONVERTED)

# idc-index puts the modality before the series: MG_1.3.6.1…
_SERIES_FOLDER = re.compile(r"([A-Z]{2}_)?(\d+(?:\.\d+)+)")
# 08-29-2017-DDSM-NA-96009 / 1.000000-full mammogram images-63992
_TAIL = re.compile(r"(?:.*-)?(\d{5})")
_TAIL_DIGITS = 5


@dataclasses.dataclass(frozen=True)
class Series:
    """The sorted files of one series, and their copy, such as `CLASSIC`."""

    copy: str
    files: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Tree:
    """The image files below a root that belong to the listed series.

    `series` are by SeriesInstanceUID, known `headers` by path; `images` counts those of
    other series too. `is_phantom`: all are of a phantom. `notes` are on ignored files.
    """

    series: Mapping[str, Series]
    headers: Mapping[str, Header]
    images: int
    is_phantom: bool = False
    notes: tuple[str, ...] = ()


def find_series(root: Path, listed: pd.DataFrame, progress: bool = True) -> Tree:
    """Finds the files of listed series below a root.

    Headers are read only if a series is not found by folder names. Of several copies of
    a series, one is taken: DICOM before JPEG before other converted files, then the
    copy with most files. Files of a phantom tree are used only if there are no others.
    """
    names = _Names(listed)
    below = list(walk_files(root))
    phantoms = {
        path.rpartition("/")[0] or "."
        for path in below
        if path.rpartition("/")[2] == PHANTOM_SETTINGS
    }
    kinds = kinds_of(root, below)
    dicoms = [path for path, kind in kinds.items() if kind == "dicom"]
    images = [path for path, kind in kinds.items() if kind != "other"]
    copies: dict[tuple[str, str, str], list[str]] = {}
    for path in images:
        found = names.series_of(path)
        if found is None:
            continue
        uid, copy = found
        if kinds[path] != "dicom":
            copy = JPEG if is_jpeg(path) else CONVERTED
        copies.setdefault((uid, copy, path.rpartition("/")[0]), []).append(path)
    taken = {path for files in copies.values() for path in files}
    named = {uid for uid, copy, _ in copies if copy not in _NOT_DICOM}
    headers: dict[str, Header] = {}
    if not names.uids <= named and not taken.issuperset(dicoms):
        fields = ["SeriesInstanceUID", *FIELDS]
        index = index_dicoms(root, fields, progress, dicoms)
        index = index[index["SeriesInstanceUID"].isin(names.uids)]
        for path, uid, *values in index.drop(columns="reason").itertuples(index=False):
            headers[path] = Header.of(*values)
            if path not in taken:
                key = (uid, BY_HEADER, path.rpartition("/")[0])
                copies.setdefault(key, []).append(path)
    headers |= _kaggle_headers(root, copies)
    real = {
        key: files
        for key, files in copies.items()
        if not any(PurePosixPath(key[2]).is_relative_to(each) for each in phantoms)
    }
    chosen = _choose(real or copies)
    others = {path: kind for path, kind in kinds.items() if kind == "other"}
    return Tree(
        series=chosen,
        headers=headers,
        images=len(images),
        is_phantom=bool(phantoms) and not real,
        notes=(
            *_left_out_note(chosen, real or copies, kinds),
            *passed_over(others, dicom_only=True),
        ),
    )


class _Names:
    """The listed series that a folder's name can identify."""

    def __init__(self, listed: pd.DataFrame) -> None:
        columns = [listed[name] for name in ("full_listed", "crop_listed")]
        paths = pd.concat([*columns, listed["mask_listed"]]).str.split("/", expand=True)
        series = paths[[1, 2]].drop_duplicates().astype(str)
        tails = series.assign(
            study=series[1].str[-_TAIL_DIGITS:], series=series[2].str[-_TAIL_DIGITS:]
        ).drop_duplicates(["study", "series"], keep=False)
        keys = zip(tails["study"], tails["series"], strict=True)
        self.uids = set(series[2])
        self._tails = dict(zip(keys, tails[2], strict=True))

    def series_of(self, path: str) -> tuple[str, str] | None:
        """Returns a file's listed series and the kind of its tree, by its folders."""
        study, series = (["", "", *path.split("/")[:-1]])[-2:]
        named = _SERIES_FOLDER.fullmatch(series)
        if named and named[2] in self.uids:
            return named[2], IDC_TREE if named[1] else CLASSIC
        tails = _TAIL.fullmatch(study), _TAIL.fullmatch(series)
        if tails[0] and tails[1]:
            uid = self._tails.get((tails[0][1], tails[1][1]))
            return None if uid is None else (uid, DESCRIPTIVE)
        return None


def rank_of(copy: str) -> int:
    """Ranks a copy by its distance from the published DICOM files."""
    return _NOT_DICOM.index(copy) + 1 if copy in _NOT_DICOM else 0


def _choose(copies: Mapping[tuple[str, str, str], list[str]]) -> dict[str, Series]:
    """Chooses one copy of each series."""

    def rank(item: tuple[tuple[str, str, str], list[str]]) -> tuple[int, int, str]:
        (_, copy, folder), files = item
        return rank_of(copy), -len(files), folder

    chosen: dict[str, Series] = {}
    for (uid, copy, _), files in sorted(copies.items(), key=rank):
        chosen.setdefault(uid, Series(copy, tuple(sorted(files))))
    return chosen


def _left_out_note(
    chosen: Mapping[str, Series],
    copies: Mapping[tuple[str, str, str], list[str]],
    kinds: Mapping[str, Kind],
) -> list[str]:
    """Returns notes on ignored copies in other formats."""
    left = {path for path, kind in kinds.items() if kind == "beside"}
    for (uid, copy, _), files in copies.items():
        if rank_of(copy) > rank_of(chosen[uid].copy):
            left.update(files)
    if not left:
        return []
    return [
        "Images left out because the original of the same series is read: "
        f"{len(left)}, such as {min(left)}."
    ]


def _kaggle_headers(
    root: Path, copies: Iterable[tuple[str, str, str]]
) -> dict[str, Header]:
    """Reads the headers of the Kaggle copy's JPEG files from `dicom_info.csv`."""
    folders = {
        folder.rpartition("/")[2]: folder for _, copy, folder in copies if copy == JPEG
    }
    table = next(
        (
            path
            for path in (root / "csv" / "dicom_info.csv", root / "dicom_info.csv")
            if path.is_file()
        ),
        None,
    )
    if not folders or table is None:
        return {}
    try:
        info = pd.read_csv(table, dtype=str, encoding="utf-8")
    except (OSError, ValueError):
        # Without it, the pixels distinguish the parts.
        return {}
    info = info.reindex(columns=["image_path", *FIELDS]).dropna(subset="image_path")
    headers = {}
    for listed, *fields in info.itertuples(index=False):
        path = PurePosixPath(listed)
        folder = folders.get(path.parent.name)
        if folder is not None:
            headers[f"{folder}/{path.name}"] = Header.of(*fields)
    return headers


def is_jpeg(path: str) -> bool:
    """Returns whether a file is a JPEG by its suffix."""
    return path.lower().endswith((".jpg", ".jpeg"))
