"""Tables come from a folder or from the network, and are what they should be."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
import pytest

from keras_wa.data.download import (
    CBIS_DDSM,
    CMMD,
    install,
    obtained_tables,
    table_names,
    tcia_tables,
)
from keras_wa.errors import UserError
from tests.data.download import small_idc
from tests.data.download.servers import serving

NAMES = CBIS_DDSM.tables
SHEET = CMMD.tables[0]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcia_tables, "WAITS", (0.0, 0.0))
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def write_sheet(folder: Path, columns=("ID1", "LeftRight", "Age", "number")) -> Path:
    frame = pd.DataFrame(
        [["D1-0001", "R", 44, 2, "calcification", "Benign", None]],
        columns=[*columns, "abnormality", "classification", "subtype"],
    )
    frame.to_excel(folder / SHEET, index=False)
    return folder / SHEET


def fetch(server_url: str, source, names, out: Path) -> list[bytes]:
    with obtained_tables(source, names, out, base=f"{server_url}/uploads/") as tables:
        return [path.read_bytes() for path in tables.paths]


def test_a_folder_that_is_named_goes_first(tmp_path: Path):
    small_idc.write_lists(tmp_path / "mine" / "csv")
    small_idc.write_lists(tmp_path / "out")
    with obtained_tables(CBIS_DDSM, NAMES, tmp_path / "out", tmp_path / "mine") as it:
        assert {path.parent for path in it.paths} == {tmp_path / "mine" / "csv"}


def test_tables_that_lie_there_already_are_used(tmp_path: Path):
    small_idc.write_lists(tmp_path)
    with obtained_tables(CBIS_DDSM, NAMES, tmp_path, base="http://127.0.0.1:1/") as it:
        assert [path.parent for path in it.paths] == [tmp_path] * 4


def test_lists_that_are_shorter_than_the_official_ones_are_told(tmp_path: Path):
    small_idc.write_lists(tmp_path)
    with obtained_tables(CBIS_DDSM, NAMES, tmp_path) as tables:
        assert len(tables.notes) == 4
        assert "2 ROIs of 1 patients; expected 1546 of 602" in tables.notes[0]


def test_a_folder_that_lacks_a_list_is_named_with_the_list(tmp_path: Path):
    small_idc.write_lists(tmp_path)[3].unlink()
    with (
        pytest.raises(UserError, match=rf"{tmp_path}.*{NAMES[3]}.*collection/cbis"),
        obtained_tables(CBIS_DDSM, NAMES, tmp_path / "out", tmp_path),
    ):
        pass


@pytest.mark.shared_data
def test_the_official_lists_are_fetched_and_recognised(
    shared_data: Path, tmp_path: Path
):
    folder = shared_data / "cbis-ddsm-csv"
    official = {f"uploads/{name}": (folder / name).read_bytes() for name in NAMES}
    with (
        serving(official) as server,
        obtained_tables(
            CBIS_DDSM, NAMES, tmp_path / "out", base=f"{server.url}/uploads/"
        ) as tables,
    ):
        assert tables.notes == []
        assert [path.read_bytes() for path in tables.paths] == list(official.values())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.shared_data
def test_the_official_lists_with_other_line_ends_are_taken_with_a_note(
    shared_data: Path, tmp_path: Path
):
    for name in NAMES:
        content = (shared_data / "cbis-ddsm-csv" / name).read_bytes()
        (tmp_path / name).write_bytes(content.replace(b"\r\n", b"\n"))
    with obtained_tables(CBIS_DDSM, NAMES, tmp_path) as tables:
        assert len(tables.notes) == 4
        assert "1546 ROIs and 602 patients agree" in tables.notes[0]


@pytest.mark.shared_data
def test_a_fetched_list_that_is_cut_off_is_refused(shared_data: Path, tmp_path: Path):
    content = (shared_data / "cbis-ddsm-csv" / NAMES[0]).read_bytes()
    cut = content[: content.index(b"\r\nP_01")]
    with (
        serving({f"uploads/{NAMES[0]}": cut}) as server,
        pytest.raises(UserError, match=r"Received: \d+ ROIs.*expected 1546 of 602"),
    ):
        fetch(server.url, CBIS_DDSM, NAMES[:1], tmp_path)


def test_a_page_in_place_of_a_list_is_refused(tmp_path: Path):
    page = b"<html><body>Moved</body></html>"
    with (
        serving({f"uploads/{NAMES[0]}": page}) as server,
        pytest.raises(UserError, match=r"column .* is missing"),
    ):
        fetch(server.url, CBIS_DDSM, NAMES[:1], tmp_path)


def test_a_passing_fault_of_the_server_is_waited_out(tmp_path: Path):
    sheet = write_sheet(tmp_path).read_bytes()
    with serving({f"uploads/{SHEET}": sheet}) as server:
        server.failing[f"uploads/{SHEET}"] = 2
        assert fetch(server.url, CMMD, [SHEET], tmp_path / "out") == [sheet]
        assert len(server.got) == 3


@pytest.mark.parametrize(("content", "attempts"), [(None, 1), (b"", 3)])
def test_what_cannot_be_fetched_can_be_had_by_hand(tmp_path: Path, content, attempts):
    path = f"uploads/{SHEET}"
    with serving({} if content is None else {path: content}) as server:
        server.failing[path] = 0 if content is None else 99
        with pytest.raises(UserError) as caught:
            fetch(server.url, CMMD, [SHEET], tmp_path)
        assert len(server.got) == attempts
    message = str(caught.value)
    assert f"{server.url}/uploads/{SHEET}" in message
    assert "HTTP Error" in message
    assert CMMD.page in message
    assert "`case_lists`" in message


def test_no_network_is_one_line_and_leaves_nothing(tmp_path: Path):
    with serving({}) as server:
        closed = server.url
    with pytest.raises(UserError, match=r"cannot be fetched.*`case_lists`") as caught:
        fetch(closed, CBIS_DDSM, NAMES, tmp_path)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"<html>", "cannot be read as a table"), (None, "column 'ID1' is missing")],
)
def test_another_spreadsheet_is_refused(tmp_path: Path, content, message):
    sheet = write_sheet(tmp_path, columns=("ID", "Side", "Age", "number"))
    sheet.write_bytes(content or sheet.read_bytes())
    with (
        pytest.raises(UserError, match=f"{SHEET}: {message}"),
        obtained_tables(CMMD, [SHEET], tmp_path),
    ):
        pass


def test_tables_are_copied_beside_the_data_once(tmp_path: Path):
    sheet = write_sheet(tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    install([sheet], out)
    assert (out / SHEET).read_bytes() == sheet.read_bytes()
    before = (out / SHEET).stat().st_mtime_ns
    install([out / SHEET], out)
    assert (out / SHEET).stat().st_mtime_ns == before
    assert [path.name for path in out.iterdir()] == [SHEET]


@pytest.mark.shared_data
@pytest.mark.parametrize("name", NAMES)
def test_the_known_digests_are_those_of_the_official_files(shared_data: Path, name):
    content = (shared_data / "cbis-ddsm-csv" / name).read_bytes()
    known = tcia_tables._CASE_LISTS[name]
    assert hashlib.sha256(content).hexdigest() == known.sha256


@pytest.mark.parametrize(
    ("lesion", "starts"),
    [
        ("calcification", ["calc", "calc"]),
        ("mass", ["mass", "mass"]),
        ("all", ["calc", "calc", "mass", "mass"]),
    ],
)
def test_each_data_set_knows_its_tables(lesion, starts):
    names = table_names(CBIS_DDSM, lesion)
    assert [name[:4] for name in names] == starts
    assert set(names) <= set(CBIS_DDSM.tables)
    assert table_names(CMMD, lesion) == [SHEET]
