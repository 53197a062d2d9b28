"""Frequencies of kinds of calcifications in the official case lists.

The counts come from the calcification case lists of CBIS-DDSM (Lee et al., The Cancer
Imaging Archive, doi:10.7937/K9/TCIA.2016.7O02S9CY, CC BY 3.0), without images;
`tests/phantom/test_case_list_rates.py` counts them again.
"""

from __future__ import annotations

import functools
from importlib import resources

import pandas as pd


@functools.cache
def joint_counts() -> pd.DataFrame:
    """Returns ROIs by type, distribution, density, pathology, view, ROIs per patient.

    A missing type or distribution is `""`. Do not modify the table.
    """
    return _embedded("joint_counts.csv")


@functools.cache
def other_counts() -> pd.DataFrame:
    """Returns counts of further properties, with columns `table, given, value, count`.

    Tables: `assessment` given the pathology, `subtlety`, `breast`, `views` of a lesion
    (`CC+MLO`, `CC`, `MLO`) given the patient's number of ROIs, and whether a further
    lesion of a patient has the type and distribution of the first (`same_kind`) and its
    breast (`same_breast`). Do not modify the table.
    """
    return _embedded("other_counts.csv")


def _embedded(name: str) -> pd.DataFrame:
    source = resources.files("keras_wa.phantom") / name
    with source.open(encoding="utf-8") as file:
        return pd.read_csv(file, keep_default_na=False)
