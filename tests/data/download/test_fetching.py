"""Series arrive whole or not at all, and an interrupted download goes on."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest

from keras_wa.data.download import (
    S5cmd,
    fetch_series,
    fetching,
    make_plan,
    select_all,
)
from keras_wa.errors import UserError
from tests.data.download import small_idc
from tests.data.download.servers import Server, serving
from tests.data.download.test_s5cmd import program
from tests.waiting import until

FETCH = """
import pickle, sys
from pathlib import Path
from keras_wa.data.download import S5cmd, fetch_series
series, out, url = pickle.loads(sys.stdin.buffer.read())
fetch_series(series, out, S5cmd(url, workers=1), waits=())
"""


@pytest.fixture
def server():
    with serving(small_idc.objects()) as server:
        yield server


@pytest.fixture
def series(tmp_path: Path) -> pd.DataFrame:
    selection = select_all(small_idc.index(), "cbis_ddsm")
    return make_plan(selection, tmp_path / "out").series


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def fetch(series: pd.DataFrame, out: Path, server: Server, waits=()):
    return fetch_series(series, out, S5cmd(server.url), waits, progress=False)


def files_in(out: Path) -> dict[str, bytes]:
    """All that lies below the root, hidden files too."""
    files = (path for path in out.rglob("*") if path.is_file())
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def in_place(series: pd.DataFrame) -> dict[str, bytes]:
    """What must lie below the root when these series are complete."""
    places = {}
    for path, content in small_idc.objects().items():
        _, uuid, name = path.split("/")
        row = series[series["url"] == f"s3://{small_idc.BUCKET}/{uuid}/*"]
        if len(row):
            places[f"{row['folder'].item()}/{name}"] = content
    return places


def test_all_series_arrive_in_idc_s_layout_and_nothing_else(series, out, server):
    assert fetch(series, out, server) == []
    assert files_in(out) == in_place(series)
    assert {path.name for path in out.iterdir()} == {"cbis_ddsm"}
    server.got.clear()
    assert fetch(series, out, server) == []
    assert server.got == [], "it is all there"


def test_only_what_is_missing_or_incomplete_is_fetched(series, out, server):
    fetch(series, out, server)
    cut = sorted((out / series["folder"][1]).glob("*.dcm"))
    cut[0].write_bytes(b"cut")
    for path in (out / series["folder"][2]).iterdir():
        path.unlink()
    server.got.clear()
    assert fetch(series, out, server) == []
    asked = {path.split("/")[1] for path in server.got}
    assert asked == {url.split("/")[3] for url in series["url"][1:3]}
    assert files_in(out) == in_place(series)


def test_a_series_of_the_wrong_size_is_never_put_in_place(series, out, server):
    wrong = f"{small_idc.BUCKET}/uuid-1/0.dcm"
    server.objects[wrong] += b"more"
    ((uid, reason),) = fetch(series, out, server)
    assert uid == series["series"][1]
    sizes = series["bytes"][1]
    assert reason == (
        f"Received: 2 files with {sizes + 4} bytes; expected 2 with {sizes}, as the "
        "index says"
    )
    assert files_in(out) == in_place(series.drop(index=1))


def test_files_of_the_wrong_sizes_with_the_right_sum_are_not_put_in_place(
    series, out, server
):
    first, second = (f"{small_idc.BUCKET}/uuid-1/{number}.dcm" for number in (0, 1))
    server.instead = {
        first: server.objects[first][:-1],
        second: server.objects[second] + b"x",
    }
    ((uid, reason),) = fetch(series, out, server)
    assert uid == series["series"][1]
    size = len(server.objects[first])
    assert reason in (
        f"0.dcm. Received: {size - 1} bytes; expected {size}, as the bucket says",
        f"1.dcm. Received: {len(server.objects[second]) + 1} bytes; expected "
        f"{len(server.objects[second])}, as the bucket says",
    )
    assert files_in(out) == in_place(series.drop(index=1))


def test_a_file_that_arrived_too_short_is_fetched_again(series, out, server):
    path = f"{small_idc.BUCKET}/uuid-1/0.dcm"
    server.short[path] = 2
    assert fetch(series, out, server, waits=(0, 0)) == []
    assert server.got.count(path) == 3
    assert files_in(out) == in_place(series)


def test_progress_grants_new_attempts_and_the_end_is_sure(series, out, server):
    for row, times in ((1, 2), (2, 1), (3, 99)):
        server.short[f"{small_idc.BUCKET}/uuid-{row}/0.dcm"] = times
    ((uid, _),) = fetch(series, out, server, waits=(0,))
    assert uid == series["series"][3]
    # Two rounds that put another series in place, then the last and its repetition.
    assert server.got.count(f"{small_idc.BUCKET}/uuid-3/0.dcm") == 4


def test_a_missing_object_is_told_with_s5cmd_s_reason(series, out, server):
    for name in list(server.objects):
        if "/uuid-4/" in name:
            del server.objects[name]
    assert fetch(series, out, server) == [(series["series"][4], "no object found")]


def test_a_full_disk_ends_it_at_once(series, out, tmp_path):
    error = f'{{"operation": "cp", "command": "cp {series["url"][0]} 1.2/", "error": '
    error += '"write 1.2/0.dcm: no space left on device"}'
    full = program(
        tmp_path / "full", "import sys", f"print({error!r}, file=sys.stderr)"
    )
    with pytest.raises(UserError, match=r"the disk is full.*continues"):
        fetch_series(series, out, S5cmd(program=full), waits=(60,), progress=False)
    assert files_in(out) == {}


def test_two_downloads_into_one_folder_are_held_apart(series, out, server):
    with (
        fetching._locked_folder(out / "cbis_ddsm"),
        pytest.raises(UserError, match="another download into this folder is running"),
    ):
        fetch(series, out, server)
    assert fetch(series, out, server) == []


def test_the_images_may_lie_on_another_disk(series, out, server, tmp_path):
    (tmp_path / "large" / "cbis_ddsm").mkdir(parents=True)
    out.mkdir()
    (out / "cbis_ddsm").symlink_to(tmp_path / "large" / "cbis_ddsm")
    assert fetch(series, out, server) == []
    assert files_in(tmp_path / "large") == in_place(series)


@pytest.fixture
def held(server: Server):
    """The server keeps back the second file of the second series; released at last."""
    release = threading.Event()
    server.held[HELD] = release
    yield release
    release.set()


HELD = f"{small_idc.BUCKET}/uuid-1/1.dcm"


def begin(series: pd.DataFrame, out: Path, server: Server) -> subprocess.Popen[bytes]:
    """A download in a process of its own, which waits for the held file."""
    process = subprocess.Popen([sys.executable, "-c", FETCH], stdin=subprocess.PIPE)
    assert process.stdin is not None
    with process.stdin:
        process.stdin.write(pickle.dumps((series, out, server.url)))
    until(lambda: HELD in server.got)
    return process


def test_killed_it_leaves_nothing_half_and_goes_on(series, out, server, held):
    with begin(series, out, server) as process:
        # The first series, and the first file of the second one, have arrived.
        until(lambda: (out / series["folder"][0]).exists())
        process.send_signal(signal.SIGKILL)
    before = files_in(out)
    there = {path for path in before if not path.startswith("cbis_ddsm/.")}
    assert there
    assert {path: before[path] for path in there}.items() <= in_place(series).items()
    assert there != set(in_place(series))

    done = make_plan(select_all(small_idc.index(), "cbis_ddsm"), out).series
    assert set(series["folder"][done["here"]]) == {
        str(Path(path).parent.as_posix()) for path in there
    }
    server.got.clear()
    del server.held[HELD]
    assert fetch(series, out, server) == []
    again = {path.split("/")[1] for path in server.got}
    assert again == {url.split("/")[3] for url in done["url"][~done["here"]]}
    assert files_in(out) == in_place(series)


@pytest.mark.usefixtures("ctrl_c")
def test_interrupted_it_stops_s5cmd_and_leaves_nothing_half(series, out, server, held):
    with begin(series, out, server) as process:
        until(lambda: (out / series["folder"][0]).exists())
        process.send_signal(signal.SIGINT)
    assert process.returncode == -signal.SIGINT
    left = files_in(out)
    assert left.items() <= in_place(series).items()
    assert not list((out / "cbis_ddsm").glob(".*"))
    # s5cmd runs on for nobody: what was held arrives nowhere.
    held.set()
    assert files_in(out) == left


def test_the_bar_ends_at_all_the_bytes(series, out, server, monkeypatch):
    bars = []

    class Recorder(fetching.ProgressBar):
        def __enter__(self):
            bars.append(self)
            return super().__enter__()

    monkeypatch.setattr(fetching, "ProgressBar", Recorder)
    server.short[f"{small_idc.BUCKET}/uuid-1/0.dcm"] = 1
    fetch(series, out, server, waits=(0,))
    (bar,) = bars
    assert bar.done == bar.total == series["bytes"].sum()
    assert bar.unit == "bytes"
