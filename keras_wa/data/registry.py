"""Data sets by name."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

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
    PhantomSpec,
    best_possible_auc,
    phantom_cases,
    render_mask,
    render_roi,
    render_rois,
)
from keras_wa.phantom.spec import PHANTOM_VERSION
from keras_wa.plugins import import_plugins

if TYPE_CHECKING:
    import pandas as pd

    from keras_wa.data.dataset import Pixels

Reader: TypeAlias = "Callable[[str | os.PathLike[str], ReadOptions, int], Dataset]"
"""Takes the root folder, the options and the seed of a test part to draw."""

PLUGINS = "keras_wa.datasets"
"""Group of the entry points of other packages' datasets."""

_READERS: dict[str, Reader] = {
    "cbis-ddsm": read_cbis_ddsm,
    "cmmd": read_cmmd,
    "csv": read_csv_table,
    "inbreast": read_inbreast,
    "medimeta": read_medimeta,
    "mini-mias": read_mini_mias,
}

DATASETS = ("phantom", "folder", *_READERS)
"""The names that `load_cases` accepts, besides those of plug-ins."""

PUBLISHED = ("cbis-ddsm", "cmmd", "inbreast", "medimeta", "mini-mias")
"""Data sets that are recognised by the name of their folder."""


def register_dataset(name: str) -> Callable[[Reader], Reader]:
    """Registers the reader of a dataset.

    Args:
        name: its name in `dataset=` and `load_cases`.

    Returns:
        A decorator. Its function takes the dataset's root folder, the `ReadOptions` and
        a seed, and returns a `Dataset`. The decorator raises a `ValueError` if the name
        is taken.

    Example:
        >>> from keras_wa.data import Dataset, register_dataset
        >>> @register_dataset("my-clinic")
        ... def read_my_clinic(data_dir, options, seed):
        ...     return Dataset("my-clinic", cases=..., read=...)  # From its files.
    """

    def register(reader: Reader) -> Reader:
        if name in (*DATASETS, *_READERS):
            raise ValueError(f"Two datasets are named {name!r}.")
        _READERS[name] = reader
        return reader

    return register


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
    """Loads the case table of a data set, whose pixels are read later.

    Args:
        name: `"phantom"` (in-silico ROIs), `"folder"` (class folders of images),
            `"csv"`, `"cbis-ddsm"`, `"cmmd"`, `"inbreast"`, `"medimeta"` or
            `"mini-mias"`, or a registered one.
        data_dir: root folder of the data set, or the CSV file; not for the phantom.
        group_pattern: for `"folder"`, a regular expression that finds the patient in
            a file's name: its group `patient`, else its first group, else the match.
            Without one, each file is a patient.
        limit: largest number of ROIs; whole patients are kept.
        seed: seed of a test part, if the data set has none, and of `limit`.
        phantom: the phantom; by default `PhantomSpec()`.
        phantom_rois: number of ROIs of the phantom.
        options: how to read mammograms; by default `ReadOptions()`. `"folder"` uses
            `for_processing`, `bits_stored` and `patients_apart`, the phantom none.

    Returns:
        The `Dataset`, with a valid case table.

    Raises:
        UserError: the name is unknown, `data_dir` is missing, or the reader fails.

    Example:
        >>> from keras_wa.data import load_cases
        >>> from keras_wa.phantom import PhantomSpec
        >>> spec = PhantomSpec(size=96)
        >>> dataset = load_cases("phantom", phantom=spec, phantom_rois=60)
        >>> len(dataset.cases), sorted(dataset.cases["split"].unique())
        (60, ['test', 'train'])
        >>> dataset.read(dataset.cases.iloc[0]).pixels.shape
        (96, 96)
    """
    options = options or ReadOptions()
    if name not in (*DATASETS, *_READERS):
        import_plugins(PLUGINS)
    known = {*DATASETS, *_READERS}
    if name == "phantom":
        dataset = _phantom(phantom or PhantomSpec(), phantom_rois)
    elif name not in known:
        raise unknown_name("dataset", name, known)
    elif data_dir is None:
        raise UserError(
            f"Data set {name} without `data_dir`. Expected: `data_dir`, its folder, or "
            f"the folder data/{name}."
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
    views = ", projected views" if spec.projected_views else ""
    return Dataset(
        name="phantom",
        cases=new_case_table(cases),
        read=read,
        read_block=read_block,
        read_mask=lambda row: render_mask(spec, row, outline=True),
        source={"phantom": {"version": PHANTOM_VERSION, **dataclasses.asdict(spec)}},
        split=drawn_split(spec.seed),
        notes=[
            f"This is a phantom (in-silico ROIs, version {PHANTOM_VERSION}{views}): no "
            f"result on it is clinical. The best possible AUC on it is {best:.3f} "
            f"(labelling {spec.labelling})."
        ],
    )
