"""The plan says what is missing, how large it is and whether it fits."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from keras_wa.data.download import Plan, make_plan, select_all, size_text
from keras_wa.data.download.download_plan import are_complete, free_bytes
from tests.data.download import small_idc


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """The first series is on the disk, and half of the second."""
    selection = select_all(small_idc.index(), "cbis_ddsm")
    first, second = (tmp_path / name for name in selection.series["folder"][:2])
    for folder, number, size in ((first, 0, 1000), (second, 0, 1100)):
        folder.mkdir(parents=True)
        (folder / f"{number}.dcm").write_bytes(bytes(size))
    return make_plan(selection, tmp_path)


def test_complete_is_as_many_files_and_bytes_as_the_index_says(tmp_path: Path):
    def complete(folder: str = "here") -> bool:
        row = {"folder": [folder], "files": [2], "bytes": [30]}
        return are_complete(pd.DataFrame(row), tmp_path).item()

    assert not complete("absent")
    here = tmp_path / "here"
    here.mkdir()
    (here / "a.dcm").write_bytes(bytes(10))
    assert not complete()
    (here / "b.dcm").write_bytes(bytes(19))
    assert not complete()
    (here / "b.dcm").write_bytes(bytes(20))
    assert complete()
    (here / "preview.png").write_bytes(bytes(5))
    assert complete()
    (here / "c.dcm").write_bytes(b"")
    assert not complete()


def test_only_what_is_not_complete_is_to_be_fetched(plan: Plan):
    assert list(plan.series["here"]) == [True] + [False] * (len(plan.series) - 1)
    assert list(plan.to_fetch["series"]) == list(plan.series["series"][1:])


def test_the_table_adds_up(plan: Plan, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5 * 10**9))
    lines = plan.describe()
    size = sum(map(len, small_idc.objects().values()))
    assert lines[-2].split() == [
        *("total", "10", "14", size_text(size).split()[0], "MB", "1")
    ]
    assert lines[-1] == (
        f"To fetch: 9 series, {size_text(size - 1000)}. Free on the disk of "
        f"{plan.out}: 5.00 GB."
    )


def test_a_disk_that_is_too_small_is_told_with_both_numbers(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
):
    # 13 files to fetch; each may take a block of 4096 bytes more than it is long.
    needed = plan.to_fetch["bytes"].sum() + 13 * 4096
    usage = SimpleNamespace(free=needed)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert plan.shortage() is None
    usage.free -= 1
    shortage = plan.shortage()
    assert shortage is not None
    assert size_text(needed) in shortage
    assert "`out`" in shortage


def test_free_disk_of_a_folder_that_is_not_there_is_that_of_its_parent(tmp_path: Path):
    free = free_bytes(tmp_path)
    assert free_bytes(tmp_path / "not" / "there") == pytest.approx(free, rel=0.05)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0.00 MB"), (12_345_678, "12.35 MB"), (163_512_966_728, "163.51 GB")],
)
def test_sizes_are_decimal(size, text):
    assert size_text(size) == text
