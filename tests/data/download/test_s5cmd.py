"""s5cmd is found, reaches the bucket or says why not, and reports each object."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from keras_wa.data.download import S5cmd
from keras_wa.data.download.s5cmd import Copied, Listed
from keras_wa.errors import UserError
from tests.data.download.servers import Server, serving

OBJECTS = {"bucket/one/a.dcm": b"aa", "bucket/one/b.dcm": b"b", "bucket/two/c.dcm": b""}


@pytest.fixture
def server():
    with serving(dict(OBJECTS)) as server:
        yield server


def program(path: Path, *lines: str) -> str:
    """An executable that runs a few lines of Python in place of s5cmd."""
    path.write_text("\n".join([f"#!{sys.executable}", *lines]))
    path.chmod(0o755)
    return str(path)


def test_a_bucket_that_answers_is_accepted(server: Server):
    S5cmd(server.url).check("s3://bucket/one/*")
    assert server.got == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [("s3://bucket/three/*", "no object found"), ("nonsense", "nonsense")],
)
def test_a_bucket_without_the_objects_is_refused(server: Server, url, reason):
    with pytest.raises(
        UserError, match=rf"{server.url}: .*{reason}.*another `endpoint`: https"
    ):
        S5cmd(server.url).check(url)


def test_an_endpoint_that_does_not_answer_is_one_line():
    with serving({}) as server:
        closed = server.url
    with pytest.raises(UserError, match=rf"{closed}: .*refused.*network") as caught:
        S5cmd(closed).check("s3://bucket/one/*")
    assert "\n" not in str(caught.value)


def test_an_endpoint_that_is_silent_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("keras_wa.data.download.s5cmd._CHECK_SECONDS", 0.1)
    silent = program(tmp_path / "silent", "import time", "time.sleep(30)")
    with pytest.raises(UserError, match=r"no answer in 0\.1 s"):
        S5cmd(program=silent).check("s3://bucket/one/*")


def test_a_program_that_cannot_be_run_is_named(tmp_path: Path):
    with pytest.raises(UserError, match=r"s5cmd cannot be run.*absent"):
        S5cmd(program=str(tmp_path / "absent")).check("s3://bucket/one/*")


def test_each_object_is_reported_and_lies_in_its_folder(server: Server, tmp_path: Path):
    urls = {"1.2": "s3://bucket/one/*", "1.3": "s3://bucket/two/*"}
    events = [event for event in S5cmd(server.url).copy(urls, tmp_path) if event]
    assert sorted(events, key=repr) == [
        *(Copied("1.2"), Copied("1.2"), Copied("1.3")),
        *(Listed("1.2", "a.dcm", 2), Listed("1.2", "b.dcm", 1)),
        Listed("1.3", "c.dcm", 0),
    ]
    found = {path.relative_to(tmp_path): path for path in tmp_path.glob("*/*")}
    assert {path.as_posix(): file.read_bytes() for path, file in found.items()} == {
        "1.2/a.dcm": b"aa",
        "1.2/b.dcm": b"b",
        "1.3/c.dcm": b"",
    }


def test_what_fails_is_reported_with_the_reason(server: Server, tmp_path: Path):
    urls = {"1.2": "s3://bucket/absent/*", "1.3": "s3://bucket/two/*"}
    events = [event for event in S5cmd(server.url).copy(urls, tmp_path) if event]
    assert sorted(events, key=repr) == [
        *(Copied("1.2", "no object found"), Copied("1.2", "no object found")),
        *(Copied("1.3"), Listed("1.3", "c.dcm", 0)),
    ]


def test_it_ticks_while_nothing_arrives(tmp_path: Path):
    slow = program(tmp_path / "slow", "import time", "time.sleep(0.8)")
    events = S5cmd(program=slow).copy({"1.2": "s3://bucket/one/*"}, tmp_path)
    assert set(events) == {None}


def test_lines_that_concern_no_object_are_passed_over(tmp_path: Path):
    noisy = program(
        tmp_path / "noisy",
        "import sys",
        """print('{"error": "session: fetching region failed"}', file=sys.stderr)""",
        """print('{"command": "run nofile", "error": "no such file"}')""",
        """print('{"key": "s3://another/place/0.dcm", "size": 3}')""",
        "print('no JSON', file=sys.stderr)",
    )
    events = list(S5cmd(program=noisy).copy({"1.2": "s3://bucket/one/*"}, tmp_path))
    assert events == [None] * 4


def test_it_is_the_program_itself_that_is_found_not_the_script():
    assert "s5cmd/bin/s5cmd" in Path(S5cmd().program).as_posix()


def test_without_the_package_the_path_is_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"keras_wa\[download\]"):
        S5cmd()
    assert S5cmd(program="given").program == "given"
    assert program(tmp_path / "s5cmd", "raise SystemExit(3)") == S5cmd().program
    with pytest.raises(UserError, match="no reason given"):
        S5cmd().check("s3://bucket/one/*")
