from __future__ import annotations

import pandas as pd
import pytest

from keras_wa.data.phantom_tree.list_files import write_case_lists
from keras_wa.data.readers.cbis_ddsm import find_case_lists, read_case_lists
from tests.data.readers.cbis_ddsm.copies import case_row, write_lists

ROWS = [
    case_row(number=2, subtlety="0", **{"calc distribution": "NA"}),
    case_row(part="test", patient="P_00002", **{"breast density": "0"}),
    case_row("mass", patient="P_00009", two_series=True),
    case_row("mass", part="test", **{"mass margins": "NA"}),
]


def test_what_was_written_reads_as_what_was_read(tmp_path):
    write_lists(tmp_path, ROWS)
    cases = read_case_lists(find_case_lists(tmp_path)).cases
    copy = tmp_path / "copy"
    copy.mkdir()
    paths = write_case_lists(cases, copy)
    again = read_case_lists(paths)

    assert paths == find_case_lists(copy)
    pd.testing.assert_frame_equal(again.cases, cases)
    assert not again.skipped


def test_only_lists_with_cases_are_written(tmp_path):
    write_lists(tmp_path, ROWS)
    cases = read_case_lists(find_case_lists(tmp_path)).cases
    (tmp_path / "copy").mkdir()
    write_case_lists(cases[cases["lesion_type"] == "mass"], tmp_path / "copy")

    names = sorted(path.name for path in (tmp_path / "copy").iterdir())
    assert names == [
        "mass_case_description_test_set.csv",
        "mass_case_description_train_set.csv",
    ]


@pytest.mark.shared_data
def test_official_lists_are_written_byte_by_byte(shared_data, tmp_path):
    paths = find_case_lists(shared_data / "cbis-ddsm-csv")
    written = write_case_lists(read_case_lists(paths).cases, tmp_path)

    assert len(written) == 4
    for old, new in zip(paths, written, strict=True):
        assert old.name == new.name
        assert old.read_bytes() == new.read_bytes()
