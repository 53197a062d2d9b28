"""Finds duplicate ROIs: from byte-identical files, or near-duplicate images."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from keras_wa.evaluate.audit.findings import Group
from keras_wa.evaluate.audit.look_alikes import similar_pairs
from keras_wa.evaluate.audit.pixels import Pixels

Rows = NDArray[np.int64]

_THUMBNAILS = 6


@dataclasses.dataclass(frozen=True)
class Copies:
    """The duplicates among the ROIs that were read.

    Attributes:
        cases: case table of the ROIs that were read.
        files: number of ROIs that come from a file.
        identical: indices of ROIs whose image files have equal bytes but different
            names or patients; one array per group.
        pairs: near-duplicates from `similar_pairs`, with the added columns `identical`
            (a pair of such files) and `one_file` (two ROIs of one patient that were
            cropped from nearly the same part of one file).
    """

    cases: pd.DataFrame
    files: int
    identical: list[Rows]
    pairs: pd.DataFrame


def find_copies(cases: pd.DataFrame, pixels: Pixels) -> Copies:
    """Compares the files and the images of the ROIs that were read, at least one."""
    read = cases.iloc[pixels.rows].reset_index(drop=True)
    table = pixels.files.assign(patient=read["patient_id"])
    groups = table.groupby("digest", sort=False)
    counts = groups.nunique()
    # Several ROIs of one mammogram rightly come from one file.
    copied = counts.index[(counts["path"] > 1) | (counts["patient"] > 1)]
    pairs = similar_pairs(pixels.images)
    one = table.iloc[pairs["first"]].reset_index(drop=True)
    two = table.iloc[pairs["second"]].reset_index(drop=True)
    same = (one == two).fillna(False).astype(bool)
    one_file = same["digest"] & same["path"] & same["patient"]
    return Copies(
        read,
        int(table["digest"].notna().sum()),
        [np.sort(groups.indices[digest]) for digest in copied],
        pairs.assign(identical=same["digest"] & ~one_file, one_file=one_file),
    )


def linked(pairs: pd.DataFrame, size: int) -> list[Rows]:
    """Joins pairs of indices below `size` to groups; each is ascending."""
    links = coo_array(
        (np.ones(len(pairs)), (pairs["first"], pairs["second"])), shape=(size, size)
    )
    _, names = connected_components(links, directed=False)
    groups = pd.Series(np.arange(size)).groupby(names)
    return [rows.to_numpy(np.int64) for _, rows in groups if len(rows) > 1]


def as_group(cases: pd.DataFrame, rows: Rows, kind: str) -> Group:
    """Describes a group of duplicates; `cases` are the ROIs that were read."""
    theirs = cases.iloc[rows]
    return Group(
        kind,
        roi_ids=theirs["roi_id"].astype(str).tolist(),
        patients=theirs["patient_id"].astype(str).tolist(),
        splits=theirs["split"].astype(str).tolist(),
        labels=theirs["label"].astype(int).tolist(),
        images=rows[:_THUMBNAILS].tolist(),
    )
