"""Logs of trainings and evaluations in MLflow (the setting `mlflow`)."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras

from keras_wa import __version__
from keras_wa.errors import UserError, in_one_line
from keras_wa.phantom.spec import PHANTOM_VERSION
from keras_wa.training.fingerprint import fingerprint_hash, options_of
from keras_wa.training.run import Run

_ID = "mlflow-run-id"
_log = logging.getLogger(__name__)


def connect_mlflow(uri: str) -> Any:
    """Returns the module `mlflow` that logs to a tracking server.

    Raises:
        UserError: MLflow is not installed, or the server does not answer.
    """
    # Seconds of trying; by default minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    try:
        import mlflow
    except ImportError:
        raise UserError(
            "`mlflow` needs MLflow's client, which is not installed. Install it: "
            "pip install 'keras_wa[mlflow]'."
        ) from None
    try:
        mlflow.set_tracking_uri(uri)
        mlflow.MlflowClient().search_experiments(max_results=1)
    except Exception as error:  # Of MLflow, or of a database.
        raise UserError(
            f"`mlflow`. Received: {uri} ({in_one_line(error)}); expected the URI of a "
            "tracking server that answers, such as http://HOST:5000."
        ) from error
    return mlflow


@contextlib.contextmanager
def mlflow_run(run: Run, read_only: bool) -> Iterator[list[keras.callbacks.Callback]]:
    """Opens the MLflow run of a training inside the block; yields its callback.

    A resumed training continues its MLflow run, if the server has it. There is no
    callback if the config names no server, or if another process writes (`read_only`).
    """
    if read_only or not run.config.mlflow:
        yield []
        return
    mlflow = connect_mlflow(run.config.mlflow)
    from mlflow.keras import MlflowCallback

    file, status = run.path / _ID, "FAILED"
    try:
        mlflow.start_run(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, mlflow.MlflowException):
        _begin(mlflow, run, file)
    try:
        yield [MlflowCallback()]
        status = "FINISHED"
    finally:
        with _warning(run):
            mlflow.end_run(status)


def _begin(mlflow: Any, run: Run, file: Path) -> None:
    """Begins an MLflow run and stores its identifier."""
    values = {**run.config.to_mapping(), "model_options": options_of(run.config)}
    del values["mlflow"]  # It may hold a password.
    try:
        begun = mlflow.start_run(run_name=run.path.name, tags=_tags(run))
        file.write_text(begun.info.run_id, encoding="utf-8")
        mlflow.log_params({k: v for k, v in values.items() if v is not None})
    except mlflow.MlflowException as error:
        mlflow.end_run("FAILED")
        raise UserError(
            f"`mlflow`. Received: a server that refuses a run ({in_one_line(error)}); "
            "expected one that this user may log to."
        ) from error


def _tags(run: Run) -> dict[str, Any]:
    tags = {"version": __version__, "fingerprint": fingerprint_hash(run.config)}
    if run.config.dataset == "phantom":
        tags["phantom_version"] = str(PHANTOM_VERSION)
    return {f"keras_wa.{name}": tag for name, tag in tags.items()}


@contextlib.contextmanager
def _warning(run: Run) -> Iterator[None]:
    """Warns of an error: what is logged is in the run's own files too."""
    try:
        yield
    except Exception as error:
        _log.warning("%s: MLflow was lost (%s).", run.path, in_one_line(error))


def log_evaluation(run: Run, results: Mapping[str, Any]) -> None:
    """Adds the metrics of an evaluation to the MLflow run of the training, if any."""
    file = run.path / _ID
    if not run.config.mlflow or not file.is_file():
        return
    values = {name: each["value"] for name, each in results["metrics"].items()}
    known = {f"{results['split']}_{k}": v for k, v in values.items() if v is not None}
    with _warning(run):
        mlflow = connect_mlflow(run.config.mlflow)
        mlflow.log_metrics(known, run_id=file.read_text(encoding="utf-8"))
