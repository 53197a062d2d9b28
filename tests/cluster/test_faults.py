"""Commands with `--ray` whose processes, or whose cluster, end before them."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ray.cluster_utils import Cluster

from keras_wa.cluster.tasks import run_tasks
from keras_wa.data import Dataset, Roi
from keras_wa.data.pipeline import PreparedStore, prepare
from tests.data.pipeline.folders import all_bytes, make_folder, open_folder
from tests.tiny_model import ROOT
from tests.waiting import until

pytestmark = pytest.mark.slow


@dataclasses.dataclass(frozen=True)
class Reader:
    """Reads ROIs; one of them kills the process that does."""

    dataset: Dataset
    deadly: str

    def __call__(self, row: pd.Series) -> Roi:
        if row["roi_id"] == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.dataset.read(row)


@pytest.mark.usefixtures("joined")
def test_an_image_that_kills_its_process_is_listed_and_the_rest_prepared(
    tmp_path: Path,
) -> None:
    dataset = open_folder(make_folder(tmp_path / "data"))
    deadly = str(dataset.cases["roi_id"].iloc[7])
    killing = dataclasses.replace(dataset, read=Reader(dataset, deadly))
    distribute = functools.partial(run_tasks, block=4)
    store = prepare(killing, tmp_path / "out", 32, distribute=distribute)
    reason = f"{deadly}: its process was killed 3 times"
    assert store.manifest["skipped"] == [{"path": deadly, "reason": reason}]
    alone = prepare(dataset, tmp_path / "alone", 32)
    kept = [row for row in range(len(dataset.cases)) if row != 7]
    assert (store.images == alone.images[kept]).all()


COMMAND = "import sys; from keras_wa.cli import main; sys.exit(main(sys.argv[1:]))"


def start(*words: str | Path) -> subprocess.Popen[str]:
    """Starts `keras-wa` in a process group of its own, as a terminal does."""
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )


def preparing(root: Path, out: Path, *ray: str) -> list[str]:
    words = ["prepare", "--data-dir", str(root), "--group-pattern", r"^(\w\d\d)"]
    return [*words, "--image-size", "224", "--store-dir", str(out), "--ray", *ray]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of images that takes some seconds to read."""
    return make_folder(tmp_path_factory.mktemp("many"), 200, side=800)


@pytest.fixture(scope="module")
def wanted(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The store of one process."""
    store = prepare(open_folder(root), tmp_path_factory.mktemp("alone"), 224)
    return all_bytes(store)


def store_in(out: Path) -> dict[str, bytes]:
    (path,) = out.iterdir()
    files = all_bytes(PreparedStore.open(path))
    return {name: files[name] for name in files if "clahe" not in name}


def begun(out: Path) -> bool:
    return any(
        len(path.read_text().splitlines()) > 40
        for path in out.glob("*.partial/journal.jsonl")
    )


def test_two_jobs_make_one_store(
    cluster: Cluster, root: Path, wanted: dict[str, bytes], tmp_path: Path
) -> None:
    jobs = [start(*preparing(root, tmp_path, cluster.address)) for _ in range(2)]
    for job in jobs:
        _, errors = job.communicate()
        assert job.returncode == 0, errors
    assert store_in(tmp_path) == wanted


def test_a_job_that_is_killed_goes_on_at_its_second_start(
    cluster: Cluster, root: Path, wanted: dict[str, bytes], tmp_path: Path
) -> None:
    job = start(*preparing(root, tmp_path, cluster.address))
    until(lambda: begun(tmp_path), job)
    job.kill()
    job.communicate()
    (partial,) = tmp_path.iterdir()
    done = (partial / "journal.jsonl").read_text()
    again = start(*preparing(root, tmp_path, cluster.address))
    until(lambda: len((partial / "journal.jsonl").read_text()) > len(done), again)
    assert (partial / "journal.jsonl").read_text().startswith(done[:-200])
    _, errors = again.communicate()
    assert again.returncode == 0, errors
    assert store_in(tmp_path) == wanted


CLUSTER = """
import sys
from ray.cluster_utils import Cluster
nodes = Cluster(True, head_node_args={"num_cpus": 1, "include_dashboard": False})
nodes.add_node(num_cpus=1)
print(nodes.address, flush=True)
sys.stdin.readline()
nodes.remove_node(nodes.head_node, allow_graceful=False)
print("killed", flush=True)
sys.stdin.readline()
nodes.shutdown()
"""


@contextlib.contextmanager
def nodes() -> Iterator[tuple[str, Callable[[], None]]]:
    """A cluster's address, and a function that kills its head."""
    command = [sys.executable, "-c", CLUSTER]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen(command, text=True, cwd=ROOT, **pipes)
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def kill() -> None:
        stdin.write("\n")
        stdin.flush()
        assert stdout.readline() == "killed\n"

    try:
        yield stdout.readline().strip(), kill
    finally:
        process.communicate("\n\n")


def test_a_lost_head_is_one_line_and_goes_on_when_there_is_one_again(
    root: Path, wanted: dict[str, bytes], tmp_path: Path
) -> None:
    with nodes() as (address, kill):
        job = start(*preparing(root, tmp_path, address))
        until(lambda: begun(tmp_path), job)
        job.send_signal(signal.SIGSTOP)  # Else it may have ended before.
        kill()
        job.send_signal(signal.SIGCONT)
        _, errors = job.communicate()
    assert job.returncode == 2, errors
    last = errors.splitlines()[-1]
    assert last.startswith("error: The head of the Ray cluster, ")
    assert "Traceback" not in errors
    with nodes() as (address, _):
        again = start(*preparing(root, tmp_path, address))
        _, errors = again.communicate()
    assert again.returncode == 0, errors
    assert store_in(tmp_path) == wanted


def main_again(root: Path, out: Path) -> dict[str, bytes]:
    """Goes on without a cluster."""
    job = start(*preparing(root, out)[:-1])
    _, errors = job.communicate()
    assert job.returncode == 0, errors
    return store_in(out)


def processes() -> set[str]:
    """The processes of Ray, by their numbers."""
    found = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True)
    return {
        line.split()[0]
        for line in found.stdout.splitlines()
        if "ray::" in line or "ray/core/src" in line
    }


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_leaves_nothing_running_and_the_work_to_go_on_with(
    root: Path, wanted: dict[str, bytes], tmp_path: Path
) -> None:
    before = processes()
    job = start(*preparing(root, tmp_path))
    until(lambda: begun(tmp_path), job)
    own = processes() - before
    assert own
    os.killpg(job.pid, signal.SIGINT)
    _, errors = job.communicate()
    assert job.returncode == 130
    assert errors.splitlines()[-1] == "Stopped."
    assert "Traceback" not in errors
    until(lambda: not own & processes())
    assert main_again(root, tmp_path) == wanted
