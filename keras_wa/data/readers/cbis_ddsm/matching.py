"""Finds the three files of each ROI."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from keras_wa.data.io import open_image
from keras_wa.data.readers.cbis_ddsm.layouts import Series, Tree, is_jpeg, rank_of
from keras_wa.data.readers.cbis_ddsm.parts import (
    Header,
    are_swapped,
    has_two_values,
    part_of,
    read_header,
    without_jpeg_noise,
)
from keras_wa.errors import UserError

# NBIA's newer names: 1-1.dcm is the list's 000000.dcm, 1-2.dcm its 000001.dcm.
_NUMBERED = re.compile(r"1-(\d)(\.\w+)?")
_LISTED_NUMBER = re.compile(r"(\d{6})(\.\w+)?")


class Files(NamedTuple):
    """The files of one ROI, relative to the root, posix; None if missing.

    `crop` and `mask` are as far as known without the pixels; `swapped` if the case list
    has them the other way; `follows_list` if the list decided. Of several copies,
    `copy` is the one furthest from the DICOM files. `problem` is why crop and mask
    cannot be distinguished.
    """

    full: str | None = None
    crop: str | None = None
    mask: str | None = None
    swapped: bool = False
    follows_list: bool = False
    copy: str = ""
    problem: str = ""


def match_files(root: Path, listed: pd.DataFrame, tree: Tree) -> list[Files]:
    """Finds the three files of each ROI, in the order of the rows.

    The case list decides which of two files is the crop only until the headers or, when
    the ROI is read, the pixels show it. A file without its partner is identified by its
    header or its pixels.
    """
    columns = [listed[name] for name in ("full_listed", "crop_listed", "mask_listed")]
    return [
        _match(root, full, crop, mask, tree)
        for full, crop, mask in zip(*columns, strict=True)
    ]


def _match(root: Path, full: str, crop: str, mask: str, tree: Tree) -> Files:
    names = [path.split("/")[-1] for path in (full, crop, mask)]
    series = [tree.series.get(path.split("/")[-2]) for path in (full, crop, mask)]
    files = Files(
        full=_one_of(series[0], names[0]),
        copy=max((found.copy for found in series if found), key=rank_of, default=""),
    )
    if crop.split("/")[-2] != mask.split("/")[-2]:
        pair = _one_of(series[1], names[1]), _one_of(series[2], names[2])
        files = files._replace(crop=pair[0], mask=pair[1], follows_list=True)
    elif series[1] is not None:
        files = _from_one_series(files, series[1].files, names[1], names[2])
    if files.crop is not None and files.mask is not None:
        known = (tree.headers.get(path, Header()) for path in (files.crop, files.mask))
        return _swapped(files) if are_swapped(*known) else files
    if files.crop is not None or files.mask is not None:
        return _with_one(root, files, tree)
    return files


def _swapped(files: Files) -> Files:
    return files._replace(crop=files.mask, mask=files.crop, swapped=files.follows_list)


def _with_one(root: Path, files: Files, tree: Tree) -> Files:
    """Identifies the single file if crop or mask is missing."""
    path = str(files.crop or files.mask)
    part = part_of(tree.headers.get(path) or read_header(root / path))
    try:
        part = part or _part_by_pixels(root / path)
    except UserError as error:
        if files.follows_list:  # A wrong list shows when the ROI is read.
            return files
        reason = str(error).replace(f"{root}{os.sep}", "").rstrip(".")
        return files._replace(problem=f"crop or mask? {reason}")
    return files if getattr(files, part) is not None else _swapped(files)


def _part_by_pixels(path: Path) -> str:
    """Returns `"mask"` if an image has two values, or one as a blank mask has."""
    stored = open_image(path, for_processing=True).stored
    if is_jpeg(str(path)):
        stored = without_jpeg_noise(stored)
    blank = stored.min() == stored.max()
    return "mask" if blank or has_two_values(stored) else "crop"


def _one_of(series: Series | None, listed: str) -> str | None:
    """Returns the file of a series that should have only one."""
    if series is None:
        return None
    named = [path for path in series.files if path.endswith(f"/{listed}")]
    return (*named, *series.files)[0]


def _from_one_series(
    files: Files, found: tuple[str, ...], crop: str, mask: str
) -> Files:
    """Identifies crop and mask in a series of both."""
    places = {_place(path): path for path in found}
    pair = places.get(_place(crop)), places.get(_place(mask))
    if None not in pair or (len(found) == 1 and pair != (None, None)):
        return files._replace(crop=pair[0], mask=pair[1], follows_list=True)
    if len(found) == 1:
        return files._replace(crop=found[0])
    if len(found) == 2:
        return files._replace(crop=found[0], mask=found[1])
    return files._replace(
        problem=f"{len(found)} files in the series of its crop and mask; expected 2",
    )


def _place(path: str) -> int | None:
    """Returns a file's number in its series, from 0 as in the list."""
    name = path.rpartition("/")[2]
    if numbered := _NUMBERED.fullmatch(name):
        return int(numbered[1]) - 1
    if listed := _LISTED_NUMBER.fullmatch(name):
        return int(listed[1])
    return None
