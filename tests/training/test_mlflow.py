"""`--mlflow URI`: a real tracking server has what the run's own files have."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import mlflow
import pandas as pd
import pytest

from keras_wa import __version__
from keras_wa.errors import UserError
from keras_wa.phantom.spec import PHANTOM_VERSION
from keras_wa.training.config import TrainConfig
from keras_wa.training.fingerprint import fingerprint_hash, options_of
from keras_wa.training.fit import train
from keras_wa.training.mlflow_logging import connect_mlflow
from keras_wa.training.run import Run
from tests import ctrl_c
from tests.processes import python
from tests.tiny_model import completed, flags, start
from tests.waiting import until


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Server:
    """MLflow's server, with a SQLite database, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.uri = f"http://127.0.0.1:{_free_port()}"
        self._words = [
            *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
            *("--port", self.uri.rpartition(":")[2]),
            *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db"),
            *("--artifacts-destination", str(folder / "artifacts")),
        ]
        self._folder = folder

    def __enter__(self) -> Server:
        with (self._folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._words,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
                start_new_session=True,  # With its workers, as a group.
            )
        until(self._answers, self.process)
        return self

    def _answers(self) -> bool:
        try:
            return urlopen(f"{self.uri}/health", timeout=5).status == 200
        except OSError:
            return False

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path) as server:
        yield server


def _words(run: Path, store_dir: Path, uri: str, **changes: Any) -> list[str]:
    return ["train", *flags(store_dir=store_dir, run_dir=run, mlflow=uri, **changes)]


@pytest.mark.slow
@pytest.mark.usefixtures("tiny_model")
def test_a_server_has_settings_epochs_and_results_of_a_resumed_run(
    server: Server, tmp_path: Path, store_dir: Path
) -> None:
    run = tmp_path / "run"
    words = _words(run, store_dir, server.uri, epochs=6, deterministic=True)
    with ctrl_c.heard():
        process = start(*words)
    until(lambda: completed(run) >= 1, process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130, said
    python("-m", "tests.tiny_model", "train", "--run-dir", run, "--resume")
    python("-m", "tests.tiny_model", "evaluate", run, "--resamples", "20")

    client = mlflow.MlflowClient(server.uri)
    (logged,) = client.search_runs(["0"])
    assert logged.info.run_name == "run"
    assert logged.info.status == "FINISHED"
    config = Run.open(run).config
    assert logged.data.params["learning_rate"] == "0.01"
    assert logged.data.params["model_options"] == str(options_of(config))
    tags = {k: v for k, v in logged.data.tags.items() if k.startswith("keras_wa.")}
    assert tags == {
        "keras_wa.version": __version__,
        "keras_wa.fingerprint": fingerprint_hash(config),
        "keras_wa.phantom_version": str(PHANTOM_VERSION),
    }
    history = pd.read_csv(run / "history.csv").set_index("epoch")
    for name in history:
        # MLflow's callback counts epochs from 0.
        values = {
            each.step + 1: each.value
            for each in client.get_metric_history(logged.info.run_id, name)
        }
        assert values == pytest.approx(history[name].to_dict(), rel=1e-6)
    results = json.loads((run / "evaluation" / "test" / "metrics.json").read_text())
    auc = results["metrics"]["auc"]["value"]
    assert logged.data.metrics["test_auc"] == pytest.approx(auc)


@pytest.mark.slow
def test_a_training_goes_on_without_its_server(
    server: Server, tmp_path: Path, store_dir: Path
) -> None:
    run = tmp_path / "run"
    process = start(*_words(run, store_dir, server.uri, epochs=6))
    until(lambda: completed(run) >= 1, process)
    server.stop()
    said, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "MLflow was lost" in said + errors
    assert completed(run) == 6


def test_a_server_that_does_not_answer_leaves_no_run(
    tmp_path: Path, store_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    config = TrainConfig(mlflow=f"http://127.0.0.1:{_free_port()}")
    run = Run.create(tmp_path / "run", config)
    with pytest.raises(UserError, match="Received: http://127"):
        train(run, None)  # It reads no data before.
    assert not run.path.exists()


def test_without_mlflow_one_line_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)  # Importing it fails.
    with pytest.raises(UserError, match=r"pip install 'keras_wa\[mlflow\]'"):
        connect_mlflow("http://127.0.0.1:9")
