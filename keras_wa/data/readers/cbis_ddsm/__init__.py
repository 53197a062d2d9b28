"""CBIS-DDSM: its case lists, its common copies and its ROIs."""

from __future__ import annotations

from keras_wa.data.readers.cbis_ddsm.case_lists import (
    LIST_NAMES,
    LISTED,
    CaseLists,
    absent_lists,
    find_case_lists,
    read_case_lists,
)
from keras_wa.data.readers.cbis_ddsm.layouts import PHANTOM_SETTINGS
from keras_wa.data.readers.cbis_ddsm.reader import read_cbis_ddsm

__all__ = [
    "LISTED",
    "LIST_NAMES",
    "PHANTOM_SETTINGS",
    "CaseLists",
    "absent_lists",
    "find_case_lists",
    "read_case_lists",
    "read_cbis_ddsm",
]
