"""Datasets by name."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING

from keras_wa.data.case_table import new_case_table, validate
from keras_wa.data.dataset import Dataset, Roi, limit_patients
from keras_wa.data.options import ReadOptions
from keras_wa.data.readers.cbis_ddsm import read_cbis_ddsm
from keras_wa.data.readers.cmmd import read_cmmd
from keras_wa.data.readers.csv_table import read_csv_table
from keras_wa.data.readers.folder import read_folder
from keras_wa.data.readers.inbreast import read_inbreast
from keras_wa.data.readers.medimeta import read_medimeta
from keras_wa.data.readers.mini_mias import read_mini_mias
from keras_wa.data.splits import drawn_split
from keras_wa.errors import UserError, unknown_name
from keras_wa.phantom import (
    PHANTOM_VERSION,
    PhantomSpec,
    best_possible_auc,
    phantom_cases,
    render_mask,
    render_roi,
    render_rois,
)

if TYPE_CHECKING:
    import pandas as pd

    from keras_wa.data.dataset import Pixels

_READERS = {
    "cbis-ddsm": read_cbis_ddsm,
    "cmmd": read_cmmd,
    "csv": read_csv_table,
    "inbreast": read_inbreast,
    "medimeta": read_medimeta,
    "mini-mias": read_mini_mias,
}
"""Each takes the root folder, the options and the seed of a test part to draw."""

DATASETS = ("phantom", "folder", *_READERS)
"""The names that `load_cases` takes."""

PUBLISHED = ("cbis-ddsm", "cmmd", "inbreast", "medimeta", "mini-mias")
"""Those that are known by the name of their folder."""


def load_cases(
    name: str,
    data_dir: str | os.PathLike[str] | None = None,
    group_pattern: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    phantom: PhantomSpec | None = None,
    phantom_rois: int = 1872,
    options: ReadOptions | None = None,
) -> Dataset:
    """Loads the case table of a dataset; its pixels are read later, row by row.

    Args:
        name: one of `DATASETS`.
        data_dir: root folder of the dataset; all but the phantom need it.
        group_pattern: see `read_folder`.
        limit: the greatest number of ROIs; whole patients are kept.
        seed: of the test part of a dataset that has none, and of `limit`.
        phantom: what the phantom is like; by default `PhantomSpec()`.
        phantom_rois: number of ROIs in the phantom, of all parts together.
        options: how a dataset of mammograms is read; class folders use a part of them,
            the phantom none.

    Returns:
        The dataset, with a valid case table.

    Raises:
        UserError: if the name is unknown, `data_dir` is missing where it is needed, or
            the dataset's own reader finds a mistake.
    """
    options = options or ReadOptions()
    if name == "phantom":
        dataset = _phantom(phantom or PhantomSpec(), phantom_rois)
    elif name not in DATASETS:
        raise unknown_name("dataset", name, DATASETS)
    elif data_dir is None:
        raise UserError(
            f"Data set {name} without `data_dir`. Expected: `data_dir`, where it lies, "
            f"or the folder data/{name}."
        )
    elif name == "folder":
        dataset = read_folder(data_dir, group_pattern, seed, options)
    else:
        dataset = _READERS[name](data_dir, options, seed)
    if limit is not None:
        dataset = limit_patients(dataset, limit, seed)
    validate(dataset.cases, name, options.patients_apart)
    return dataset


def _phantom(spec: PhantomSpec, rois: int) -> Dataset:
    def read(row: pd.Series) -> Roi:
        return Roi(render_roi(spec, row))

    def read_block(cases: pd.DataFrame) -> Pixels:
        return render_rois(spec, cases)

    cases = phantom_cases(spec, n=rois)
    best = best_possible_auc(spec, cases)
    return Dataset(
        name="phantom",
        cases=new_case_table(cases),
        read=read,
        read_block=read_block,
        read_mask=lambda row: render_mask(spec, row, outline=True),
        source={"phantom": {"version": PHANTOM_VERSION, **dataclasses.asdict(spec)}},
        split=drawn_split(spec.seed),
        notes=[
            f"This is a phantom (in-silico ROIs, version {PHANTOM_VERSION}): no result "
            f"on it is clinical. The best possible AUC on it is {best:.3f} (labelling "
            f"{spec.labelling})."
        ],
    )
