"""`keras-wa download`: from a bucket to a folder that the reader understands."""

from __future__ import annotations

import builtins
import shutil
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import idc_index_data
import pandas as pd
import pytest

from keras_wa.cli import download, main
from keras_wa.data.download import CMMD
from tests.data.download import small_idc
from tests.data.download.servers import Server, serving


@pytest.fixture
def server():
    with serving(small_idc.objects()) as server:
        yield server


@pytest.fixture(autouse=True)
def small_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """The index package, with a small index in it."""
    index = small_idc.index()
    index.to_parquet(tmp_path / "idc_index.parquet")
    monkeypatch.setattr(
        idc_index_data, "IDC_INDEX_PARQUET_FILEPATH", tmp_path / "idc_index.parquet"
    )
    return index


@pytest.fixture
def words(tmp_path: Path, server: Server) -> list[str]:
    """A download of all that the server has."""
    small_idc.write_lists(tmp_path / "lists")
    flags = {
        "--lesion": "all",
        "--out": tmp_path / "out",
        "--case-lists": tmp_path / "lists",
        "--endpoint-url": server.url,
    }
    return ["download", "cbis-ddsm", *(str(w) for pair in flags.items() for w in pair)]


def dicoms(out: Path) -> set[str]:
    # Some of IDC's PatientIDs, and so folders, end in ".dcm" too.
    found = (path for path in out.rglob("*.dcm") if path.is_file())
    return {path.relative_to(out).as_posix() for path in found}


def test_images_lists_and_licence_lie_in_the_folder(tmp_path, words, small_index):
    out = tmp_path / "out"
    assert main([*words, "--yes"]) == 0
    folders = {str(Path(path).parent) for path in dicoms(out)}
    expected = {small_idc.path_in_place(row) for _, row in small_index.iterrows()}
    assert folders == expected
    assert {path.name for path in out.iterdir()} == {
        "cbis_ddsm",
        "LICENSE-AND-CITATION.txt",
        *(path.name for path in (tmp_path / "lists").iterdir()),
    }
    assert "10.1038/sdata.2017.177" in (out / "LICENSE-AND-CITATION.txt").read_text()


def test_what_is_asked_for_and_what_came_is_told(tmp_path, words, capsys):
    assert main([*words, "--yes", "--parts", "crops"]) == 0
    told = capsys.readouterr().out
    assert "CBIS-DDSM, calcification and mass: 5 ROIs of 3 patients; IDC v" in told
    assert "To fetch: 5 series" in told
    assert "*** 4 ROIs have crop and mask in one series: the masks come along." in told
    assert "Licence: CC BY 3.0" in told
    assert "expected 1546 of 602" in told
    assert f"Complete: 5 series, 0.01 MB, in {tmp_path / 'out'}" in told


def test_the_same_command_again_fetches_nothing_and_needs_no_network(
    tmp_path, words, server
):
    assert main([*words, "--yes"]) == 0
    server.got.clear()
    (tmp_path / "out" / "LICENSE-AND-CITATION.txt").unlink()
    assert main([*words[:-1], "http://127.0.0.1:1"]) == 0
    assert server.got == []
    assert (tmp_path / "out" / "LICENSE-AND-CITATION.txt").exists()


def test_a_phantom_tree_is_not_mixed_with_the_data_set(tmp_path, words, error_of):
    settings = tmp_path / "out" / "phantom_tree.json"
    settings.parent.mkdir()
    settings.write_text("{}")
    line = error_of([*words, "--yes"])
    assert f"{settings.parent}: holds a phantom tree" in line
    assert list(settings.parent.iterdir()) == [settings]


def test_a_dry_run_writes_nothing_and_needs_no_network(
    tmp_path, words, capsys, monkeypatch
):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    assert main([*words[:-1], "http://127.0.0.1:1", "--dry-run"]) == 0
    assert not (tmp_path / "out").exists()
    told = capsys.readouterr().out
    assert "To fetch: 10 series" in told
    assert "not enough free disk" in told


def test_a_disk_without_room_is_refused_before_anything_is_made(
    tmp_path, words, error_of, monkeypatch
):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    assert "not enough free disk" in error_of([*words, "--yes"])
    assert not (tmp_path / "out").exists()


def test_without_a_terminal_it_does_not_ask(tmp_path, words, error_of):
    assert "--yes" in error_of(words)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("answer", "fetched"), [("y", 14), ("n", 0), ("", 0)])
def test_at_a_terminal_the_answer_decides(
    tmp_path, words, monkeypatch, answer, fetched
):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(builtins, "input", lambda _: answer)
    assert main(words) == 0
    assert len(dicoms(tmp_path / "out")) == fetched
    assert (tmp_path / "out").exists() == bool(fetched)


def test_without_a_network_nothing_is_left_behind(tmp_path, words, error_of):
    with serving({}) as server:
        closed = server.url
    line = error_of([*words[:-1], closed, "--yes"])
    assert f"{closed}: IDC's bucket cannot be read" in line
    assert not (tmp_path / "out").exists()


def test_series_that_did_not_come_are_counted_and_named(
    tmp_path, words, server, small_index, capsys, monkeypatch
):
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    for name in ("uuid-3/0.dcm", "uuid-4/0.dcm"):
        server.objects[f"{small_idc.BUCKET}/{name}"] += b"more"
    assert main([*words, "--yes"]) == 2
    told = capsys.readouterr()
    bad = list(small_index["SeriesInstanceUID"][3:5])
    for uid in bad:
        assert f"*** series {uid}: Received: " in told.out
    assert "error: 2 of 10 series could not be fetched" in told.err
    assert "Run the same command again" in told.err
    assert waits == sorted(waits)
    assert sum(waits) > 60
    kept = {small_idc.path_in_place(row) for _, row in small_index.iterrows()}
    there = {str(Path(path).parent) for path in dicoms(tmp_path / "out")}
    assert there == {path for path in kept if path.split("MG_")[1] not in bad}


def test_ctrl_c_says_that_it_can_go_on(words, monkeypatch, capsys):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "fetch_series", interrupt)
    assert main([*words, "--yes"]) == 130
    assert "the same command continues from there" in capsys.readouterr().out


def test_cmmd_comes_whole_with_its_spreadsheet(tmp_path, words, server):
    index = small_idc.index().assign(
        collection_id="cmmd", source_DOI="10.7937/tcia.eqde-4b16"
    )
    index.to_parquet(tmp_path / "idc_index.parquet")
    columns = ["ID1", "LeftRight", "abnormality", "classification"]
    sheet = tmp_path / "lists" / CMMD.tables[0]
    pd.DataFrame(columns=columns).to_excel(sheet, index=False)
    out = tmp_path / "out"
    assert main(["download", "cmmd", *words[4:], "--yes"]) == 0
    assert len(dicoms(out)) == len(small_idc.objects())
    assert (out / sheet.name).read_bytes() == sheet.read_bytes()
    assert "CC BY 4.0" in (out / "LICENSE-AND-CITATION.txt").read_text()


def test_the_series_table_has_each_series_and_is_summed_up_or_its_flag_is_named(
    tmp_path, words, error_of, capsys
):
    table = tmp_path / "new" / "series.csv"
    assert main([*words, "--series-table", str(table)]) == 0
    assert len(pd.read_csv(table)) == len(small_idc.index()) == 10
    assert "10 series: 10 assigned, 0 not." in capsys.readouterr().out
    assert not (tmp_path / "out").exists()
    line = error_of([*words, "--series-table", str(table / "no" / "t.csv")])
    assert line.startswith("error: --series-table. Received: ")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["cbis-dsm"], "did you mean 'cbis-ddsm'?"),
        (["cbis-ddsm", "--lesion", "masses"], "did you mean 'mass'?"),
        (["cbis-ddsm", "--parts", "crops,mask"], "did you mean 'masks'?"),
        (["cbis-ddsm", "--parts", "crops,"], "--parts. Received: ''"),
        (["cbis-ddsm", "--source", "azure"], "choose from: aws, gcs"),
        (["cmmd", "--lesion", "mass"], "--lesion. Received: 'mass' with cmmd"),
        (["cmmd", "--parts", "full"], "--parts. Received: 'full' with cmmd"),
        (["cmmd", "--series-table", "x"], "--series-table. Received: 'x' with cmmd"),
        (["cbis-ddsm", "--case-lists", "nowhere"], "nowhere: --case-lists. Received"),
    ],
)
def test_what_makes_no_sense_is_one_line(flags, message, error_of):
    assert message in error_of(["download", *flags])
