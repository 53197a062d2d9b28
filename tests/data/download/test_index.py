"""IDC's index is read from its package, without a network."""

from __future__ import annotations

import sys
from pathlib import Path

import idc_index_data
import pytest

from keras_wa.data.download import read_index
from keras_wa.errors import UserError
from tests.data.download import small_idc


@pytest.fixture
def small_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "idc_index.parquet"
    small_idc.index().to_parquet(path)
    monkeypatch.setattr(idc_index_data, "IDC_INDEX_PARQUET_FILEPATH", path)
    return path


@pytest.mark.parametrize(
    ("collection", "series", "files", "gigabytes", "licence", "doi"),
    [
        ("cbis_ddsm", 6775, 10239, 163.5, "CC BY 3.0", "10.7937/k9/tcia.2016.7o02s9cy"),
        ("cmmd", 1775, 5202, 22.9, "CC BY 4.0", "10.7937/tcia.eqde-4b16"),
    ],
)
def test_the_real_collections_have_their_published_size_and_licence(
    collection, series, files, gigabytes, licence, doi
):
    index = read_index(collection)
    assert len(index.series) == series
    assert index.series["instanceCount"].sum() == files
    assert round(index.series["series_size_MB"].sum() / 1000, 1) == gigabytes
    assert [text.split(" (")[0] for text in index.licences] == [licence]
    assert "creativecommons.org/licenses/by/" in index.licences[0]
    assert len(index.citations) == 1
    assert doi in index.citations[0].lower()
    assert "<" not in index.citations[0]
    assert "&amp;" not in index.citations[0]


def test_the_version_of_the_index_is_told(small_index):
    assert read_index("cbis_ddsm").version.startswith("IDC v")
    assert idc_index_data.__version__ in read_index("cbis_ddsm").version


@pytest.mark.parametrize("package", ["idc_index_data", "pyarrow"])
def test_without_the_extra_one_line_says_how_to_install_it(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=r"pip install 'keras_wa\[download\]'"):
        read_index("cbis_ddsm")


def test_an_index_that_cannot_serve_is_named(small_index):
    with pytest.raises(UserError, match=r"'cmmd'.*-U idc-index"):
        read_index("cmmd")
    small_idc.index().drop(columns="series_size_MB").to_parquet(small_index)
    with pytest.raises(UserError, match="series_size_MB"):
        read_index("cbis_ddsm")
    small_index.write_bytes(b"PAR1 and nothing more")
    with pytest.raises(UserError, match=r"IDC v.*cannot be read.*pip install"):
        read_index("cbis_ddsm")
