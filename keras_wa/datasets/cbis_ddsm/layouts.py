"""Where the files of CBIS-DDSM lie, in whichever copy of it there is.

Each file belongs to a series, and the case lists name the series of each part of each
ROI. A copy tells a file's series in one of three ways: the folder is named after the
series (NBIA's classic tree, idc-index's tree, the JPEG copy on Kaggle), the folder ends
with the last digits of the series (NBIA's descriptive tree), or only the file's header
has it (the bare buckets of the Imaging Data Commons).
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import pandas as pd

from keras_wa.datasets.cbis_ddsm.parts import FIELDS, Header
from keras_wa.datasets.dicom_index import index_dicoms
from keras_wa.files import walk_files
from keras_wa.imaging import IMAGE_SUFFIXES, is_dicom
from keras_wa.imaging.reading import DICOM_SUFFIXES

CLASSIC = "NBIA's classic tree"
DESCRIPTIVE = "NBIA's descriptive tree"
IDC_TREE = "tree of idc-index"
BY_HEADER = "DICOM files known by their headers"
JPEG = "JPEG copy"

PHANTOM_SETTINGS = "phantom_tree.json"
"""The file that `write_phantom_tree` leaves in its folder."""

# idc-index puts the modality before the series: MG_1.3.6.1…
_SERIES_FOLDER = re.compile(r"([A-Z]{2}_)?(\d+(?:\.\d+)+)")
# 08-29-2017-DDSM-NA-96009 / 1.000000-full mammogram images-63992
_TAIL = re.compile(r"(?:.*-)?(\d{5})")
_TAIL_DIGITS = 5


@dataclasses.dataclass(frozen=True)
class Series:
    """The files of one series.

    Attributes:
        copy: which copy of the data set they are of, such as `CLASSIC`.
        files: paths relative to the root, posix, sorted.
    """

    copy: str
    files: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Tree:
    """The image files below a root that belong to the listed series.

    Attributes:
        series: by SeriesInstanceUID.
        headers: what is known of a file without opening it again, by path.
        images: number of image files, those of no listed series included.
        is_phantom: all of it is a phantom's.
    """

    series: Mapping[str, Series]
    headers: Mapping[str, Header]
    images: int
    is_phantom: bool = False


def find_series(root: Path, listed: pd.DataFrame, progress: bool = True) -> Tree:
    """Finds the files of listed series below a root.

    The headers are read only if a series is not found by the folders' names; what they
    say is kept in a small file in the root, if that can be written.

    Args:
        root: the folder, walked as `walk_files` does.
        listed: the columns `full_listed`, `crop_listed` and `mask_listed` of the case
            lists.
        progress: whether to draw a progress bar.

    Returns:
        The files. Of a series that is there more than once, one copy: DICOM before
        JPEG, the one with more files before the others. Files of a phantom tree count
        only where there are no others.

    Raises:
        UserError: if the root or a folder below it cannot be listed.
    """
    names = _Names.of(listed)
    below = [PurePosixPath(path) for path in walk_files(root)]
    phantoms = {str(path.parent) for path in below if path.name == PHANTOM_SETTINGS}
    images = [str(path) for path in below if _is_image(root / path)]
    copies: dict[tuple[str, str, str], list[str]] = {}
    unknown = False
    for path in images:
        found = names.series_of(path)
        if found is None:
            unknown |= os.path.splitext(path)[1].lower() in ("", *DICOM_SUFFIXES)
        else:
            key = (*found, path.rpartition("/")[0])
            copies.setdefault(key, []).append(path)
    headers: dict[str, Header] = {}
    if unknown and not names.uids <= {uid for uid, _, _ in copies}:
        taken = {path for files in copies.values() for path in files}
        index = index_dicoms(root, ["SeriesInstanceUID", *FIELDS], progress)
        index = index[index["SeriesInstanceUID"].isin(names.uids)]
        for path, uid, *fields in index.drop(columns="reason").itertuples(index=False):
            headers[path] = Header.of(*fields)
            if path not in taken:
                key = (uid, BY_HEADER, path.rpartition("/")[0])
                copies.setdefault(key, []).append(path)
    headers |= _kaggle_headers(root, copies)
    real = {
        key: files
        for key, files in copies.items()
        if not any(PurePosixPath(key[2]).is_relative_to(each) for each in phantoms)
    }
    return Tree(
        series=_choose(real or copies),
        headers=headers,
        images=len(images),
        is_phantom=bool(phantoms) and not real,
    )


class _Names:
    """What a folder's name may say of its series."""

    def __init__(self, uids: set[str], tails: dict[tuple[str, str], str]) -> None:
        self.uids = uids
        self.tails = tails

    @classmethod
    def of(cls, listed: pd.DataFrame) -> _Names:
        columns = [listed[name] for name in ("full_listed", "crop_listed")]
        paths = pd.concat([*columns, listed["mask_listed"]]).str.split("/", expand=True)
        series = paths[[1, 2]].drop_duplicates().astype(str)
        tails = series.assign(
            study=series[1].str[-_TAIL_DIGITS:], series=series[2].str[-_TAIL_DIGITS:]
        ).drop_duplicates(["study", "series"], keep=False)
        keys = zip(tails["study"], tails["series"], strict=True)
        return cls(set(series[2]), dict(zip(keys, tails[2], strict=True)))

    def series_of(self, path: str) -> tuple[str, str] | None:
        """The listed series of a file and the kind of its copy, by its folders."""
        study, series = (["", "", *path.split("/")[:-1]])[-2:]
        named = _SERIES_FOLDER.fullmatch(series)
        if named and named[2] in self.uids:
            if is_jpeg(path):
                return named[2], JPEG
            return named[2], IDC_TREE if named[1] else CLASSIC
        tails = _TAIL.fullmatch(study), _TAIL.fullmatch(series)
        if tails[0] and tails[1]:
            uid = self.tails.get((tails[0][1], tails[1][1]))
            return None if uid is None else (uid, DESCRIPTIVE)
        return None


def _is_image(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix in IMAGE_SUFFIXES if suffix else is_dicom(path)


def _choose(copies: Mapping[tuple[str, str, str], list[str]]) -> dict[str, Series]:
    """One copy of each series."""

    def rank(item: tuple[tuple[str, str, str], list[str]]) -> tuple[bool, int, str]:
        (_, copy, folder), files = item
        return copy == JPEG, -len(files), folder

    chosen: dict[str, Series] = {}
    for (uid, copy, _), files in sorted(copies.items(), key=rank):
        chosen.setdefault(uid, Series(copy, tuple(sorted(files))))
    return chosen


def _kaggle_headers(
    root: Path, copies: Iterable[tuple[str, str, str]]
) -> dict[str, Header]:
    """What `dicom_info.csv` of the Kaggle copy says of its JPEG files."""
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
        # The pixels tell the parts apart without it.
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
    """Whether a file is a JPEG by its suffix."""
    return path.lower().endswith((".jpg", ".jpeg"))
