"""Downloads datasets from the Imaging Data Commons and their tables from TCIA."""

from __future__ import annotations

from keras_wa.data.download.download_plan import Plan, make_plan, size_text
from keras_wa.data.download.fetching import fetch_series
from keras_wa.data.download.index import IdcIndex, read_index
from keras_wa.data.download.licences import licence_text, write_licence
from keras_wa.data.download.s5cmd import ENDPOINTS, S5cmd
from keras_wa.data.download.selection import (
    PARTS,
    Selection,
    select_all,
    select_cbis_ddsm,
)
from keras_wa.data.download.sources import (
    CBIS_DDSM,
    CMMD,
    SOURCES,
    Source,
    table_names,
)
from keras_wa.data.download.tcia_tables import Tables, install, obtained_tables

__all__ = [
    "CBIS_DDSM",
    "CMMD",
    "ENDPOINTS",
    "PARTS",
    "SOURCES",
    "IdcIndex",
    "Plan",
    "S5cmd",
    "Selection",
    "Source",
    "Tables",
    "fetch_series",
    "install",
    "licence_text",
    "make_plan",
    "obtained_tables",
    "read_index",
    "select_all",
    "select_cbis_ddsm",
    "size_text",
    "table_names",
    "write_licence",
]
