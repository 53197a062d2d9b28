"""Each data set knows its tables."""

from __future__ import annotations

import pytest

from keras_wa.data.download import CBIS_DDSM, CMMD, SOURCES, table_names


@pytest.mark.parametrize(
    ("lesion", "starts"),
    [
        ("calcification", ["calc", "calc"]),
        ("mass", ["mass", "mass"]),
        ("all", ["calc", "calc", "mass", "mass"]),
    ],
)
def test_cbis_ddsm_needs_the_lists_of_its_lesion_types(lesion, starts):
    names = table_names(CBIS_DDSM, lesion)
    assert [name[:4] for name in names] == starts
    assert set(names) <= set(CBIS_DDSM.tables)


def test_cmmd_needs_its_spreadsheet():
    assert table_names(CMMD, "all") == ["CMMD_clinicaldata_revision.xlsx"]


def test_sources_are_found_by_their_name():
    assert all(SOURCES[name].name == name for name in SOURCES)
