"""`keras-wa dashboard`: a real TensorBoard, asked for what its tabs show."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from keras_wa.cli import main
from keras_wa.cli.dashboard import default_folder
from tests.cli.long_running import running
from tests.waiting import DEADLINE_S, until


@pytest.fixture(scope="module")
def runs(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs, `first` evaluated, `second` not, and something that is none."""
    # TensorFlow and TensorBoard take some paths for patterns, or for lists.
    path = tmp_path_factory.mktemp("dashboard") / "runs [1], ü: *?"
    for name in ("first", "second"):
        shutil.copytree(finished, path / name)
    config = path / "second" / "config.json"
    config.write_text(config.read_text().replace('"seed": 0', '"seed": 5'))
    (path / "second" / "best.keras").unlink()
    (path / "broken").mkdir()
    (path / "broken" / "config.json").write_text("{}")
    assert main(["evaluate", str(path / "first"), "--resamples", "10"]) == 0
    return path


@contextlib.contextmanager
def shown(runs: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """TensorBoard on a free port, and what was said up to its address."""
    words = ("dashboard", runs, "--port", "0", "--embeddings", "10")
    with running(*words, until="TensorBoard is at ") as found:
        yield found


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.slow
def test_tensorboard_shows_every_run_in_every_tab(runs):
    with shown(runs) as (process, lines):
        said = "".join(lines)
        assert f"*** {runs / 'broken'} is left out: " in said
        assert "*** second: no results, it was not evaluated." in said
        assert "*** second: not in the projector. " in said
        address = lines[-1].split()[3]
        assert address.startswith("http://127.0.0.1:")
        with httpx2.Client(base_url=address, timeout=DEADLINE_S) as client:
            until(lambda: _has_loaded(client), process)
            _check_tabs(client)
            _check_curves(client)
            _check_images(client)
            _check_projector(client)
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_S) == 130
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(address)
    assert (runs / ".dashboard" / "first").is_dir()


def _get(client: httpx2.Client, route: str, **query: Any) -> Any:
    answer = client.get(f"/data/{route}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _has_loaded(client: httpx2.Client) -> bool:
    # The command itself does not wait for long on a busy machine.
    if not _get(client, "plugins_listing")["projector"]["enabled"]:
        return False
    wanted = {"first", "first/training", "second", "second/training"}
    if set(_get(client, "runs")) != wanted:
        return False
    tags = _get(client, "plugin/scalars/tags")
    return wanted <= set(tags) and "test/auc" in tags["first"]


def _check_tabs(client: httpx2.Client) -> None:
    tabs = _get(client, "plugins_listing")
    enabled = {name for name, tab in tabs.items() if tab["enabled"]}
    assert enabled >= {
        "timeseries",
        "scalars",
        "custom_scalars",
        "images",
        "histograms",
        "pr_curves",
        "hparams",
        "projector",
    }


def _check_curves(client: httpx2.Client) -> None:
    tag = {"run": "first/training", "tag": "val_auc"}
    assert [p[1] for p in _get(client, "plugin/scalars/scalars", **tag)] == [1, 2, 3]
    layout = _get(client, "plugin/custom_scalars/layout")
    assert [each["title"] for each in layout["category"]] == ["Overview"]
    query = {"run": "first", "tag": "test/malignant"}
    (curve,) = _get(client, "plugin/pr_curves/pr_curves", **query)["first"]
    assert curve["recall"][0] == 1
    assert curve["precision"][0] == pytest.approx(
        curve["true_positives"][0]
        / (curve["true_positives"][0] + curve["false_positives"][0])
    )
    question = {
        "experimentName": "",
        "allowedStatuses": ["STATUS_SUCCESS", "STATUS_RUNNING", "STATUS_UNKNOWN"],
        "colParams": [],
        "startIndex": 0,
        "sliceSize": 10,
    }
    answer = client.post("/data/plugin/hparams/session_groups", json=question)
    groups = {each["name"]: each for each in json.loads(answer.text)["sessionGroups"]}
    assert {name: each["hparams"] for name, each in groups.items()} == {
        "first": {"seed": 0.0},
        "second": {"seed": 5.0},
    }
    reached = {m["name"]["tag"] for m in groups["first"]["metricValues"]}
    assert reached >= {"best/val_auc", "test/auc", "test/sensitivity"}


def _check_images(client: httpx2.Client) -> None:
    tags = _get(client, "plugin/images/tags")
    assert "inputs/subbands" in tags["second/training"]
    assert {"test/ROC curve", "test/Reliability"} <= set(tags["first"])
    query = {"run": "first", "tag": "test/ROC curve", "sample": 0}
    (image,) = _get(client, "plugin/images/images", **query)
    png = client.get(f"/data/plugin/images/individualImage?{image['query']}")
    assert png.content[:8] == b"\x89PNG\r\n\x1a\n"


def _check_projector(client: httpx2.Client) -> None:
    assert set(_get(client, "plugin/projector/runs")) == {"first"}
    config = _get(client, "plugin/projector/info", run="first")
    (embedding,) = config["embeddings"]
    query = {"run": "first", "name": embedding["tensorName"]}
    tensor = client.get("/data/plugin/projector/tensor", params=query)
    assert embedding["tensorShape"] == [10, 8]
    assert np.frombuffer(tensor.content, np.float32).size == 80
    rows = client.get("/data/plugin/projector/metadata", params=query).text
    assert len(rows.splitlines()) == 11
    assert rows.startswith("roi_id\tpatient_id\tclass\tprobability\tcalled\tresult")
    sprite = client.get("/data/plugin/projector/sprite_image", params=query)
    assert sprite.content[:8] == b"\x89PNG\r\n\x1a\n"


def test_build_only_writes_beside_one_run_and_ends(runs, capsys):
    out = runs.parent / "out"
    words = ["dashboard", str(runs / "first"), "--no-embeddings", "--build-only"]
    assert main([*words, "--out", str(out)]) == 0
    assert capsys.readouterr().out.endswith(f"Show them: tensorboard --logdir {out}\n")
    assert (out / "first" / "training").is_symlink()
    assert not list(out.rglob("projector_config.pbtxt"))


BUILD = ["--embeddings", "5", "--build-only"]


@pytest.fixture
def two(finished: Path, tmp_path: Path) -> Path:
    """Two runs that were not evaluated, `b` without a model, and a file before them."""
    path = (tmp_path / "runs").resolve()
    for name in ("a", "b"):
        shutil.copytree(finished, path / name)
    (path / "b" / "best.keras").unlink()
    (path / "0-notes.txt").touch()
    return path


def test_a_selection_leaves_what_was_made_of_the_others(two, capsys):
    assert main(["dashboard", str(two), *BUILD]) == 0
    assert "Features of a (1/2) " in capsys.readouterr().out
    assert main(["dashboard", str(two / "b"), *BUILD]) == 0
    (own,) = two.glob(".dashboard-*")
    assert f"1 run in {own}" in capsys.readouterr().out
    assert (own / "b").is_dir()
    assert main(["dashboard", str(two), *BUILD]) == 0
    said = capsys.readouterr().out
    assert f"2 runs in {two / '.dashboard'}" in said
    assert "Features of a" not in said


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("a", ["."]),
        (".", ["a"]),
        (".", ["0-notes.txt", "a"]),
        (".", ["mistyped/none", "a", "a/../a"]),
    ],
)
def test_it_is_written_beside_the_first_run_that_there_is(
    two, monkeypatch, folder, words
):
    before = {path.name for path in two.iterdir()}
    monkeypatch.chdir(two / folder)
    assert main(["dashboard", *words, "--no-embeddings", "--build-only"]) == 0
    (new,) = {path.name for path in two.iterdir()} - before
    assert new == default_folder([two / "a"]).name
    assert [path.name for path in two.parent.iterdir()] == ["runs"]


def test_each_selection_has_a_place_of_its_own(two):
    a, b = two / "a", two / "b"
    assert default_folder([two]) == default_folder([two, two]) == two / ".dashboard"
    assert default_folder([a, b]) == default_folder([b, a, b])
    selections = ([two], [a], [b], [a, b], [two, a])
    places = {default_folder(selection) for selection in selections}
    assert len(places) == len(selections)
    assert {place.parent for place in places} == {two}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--out", __file__], "is a file. Expected: a folder"),
        (["--host", "203.0.113.7"], "203.0.113.7 and 0, which cannot be listened"),
    ],
)
def test_a_wrong_argument_is_named(runs, tmp_path, error_of, words, expected):
    first = ["dashboard", str(runs / "second"), "--no-embeddings", "--port", "0"]
    assert expected in error_of([*first, "--out", str(tmp_path), *words])


def test_a_port_that_is_taken_is_named_before_the_work(runs, tmp_path, error_of):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = ["dashboard", runs, "--out", tmp_path / "out", "--port", port]
        assert f"Received: 127.0.0.1 and {port}" in error_of(words)
    assert not (tmp_path / "out").exists()


def test_no_run_says_how_to_make_one(tmp_path, error_of, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = error_of(["dashboard"])
    assert line.startswith("error: No run under runs. Received: runs is left out")
    assert line.endswith("Make one with `python train.py`.")
