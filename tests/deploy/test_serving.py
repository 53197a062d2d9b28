"""`deploy/serving`: Ray Serve under load, the syntax of TensorFlow Serving's files."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest
import tensorflow as tf
import yaml
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
)
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from tests import ctrl_c
from tests.processes import ROOT
from tests.waiting import DEADLINE_S, until

SERVING = ROOT / "deploy" / "serving"


@pytest.fixture
def address(finished: Path, tmp_path: Path) -> Iterator[str]:
    """Where Ray Serve answers for a run's SavedModel."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    application = {
        "name": "wa",
        "route_prefix": "/",
        "import_path": "ray_serve:app",
        "args": {"model": str(finished / "saved_model")},
    }
    config = {
        "http_options": {"host": "127.0.0.1", "port": port},
        "applications": [application],
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    variables = {
        "RAY_ADDRESS": "local",  # A cluster of its own, whatever else runs here.
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DEDUP_LOGS": "0",
    }
    words = [sys.executable, "-m", "ray.serve.scripts", "run"]
    with (tmp_path / "log").open("wb") as log, ctrl_c.heard():
        process = subprocess.Popen(
            [*words, "--app-dir", SERVING, "--working-dir", SERVING, "config.yaml"],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=tmp_path,
            env={**os.environ, **variables},
        )

    url = f"http://127.0.0.1:{port}/"

    def ready() -> bool:
        said = (tmp_path / "log").read_text()
        assert "Traceback" not in said, said
        try:
            with urlopen(f"{url}-/routes", timeout=5) as answer:
                return json.load(answer) == {"/": "wa"}
        except OSError:
            return False

    try:
        until(ready, process)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(DEADLINE_S)


def _ask(address: str, *rois: np.ndarray) -> tuple[int, dict]:
    body = json.dumps({"instances": [roi.tolist() for roi in rois]}).encode()
    try:
        with urlopen(Request(address, body), timeout=DEADLINE_S) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.slow
def test_two_replicas_of_ray_serve_answer_as_the_saved_model(
    address: str, finished: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    sides = [(32, 32), (48, 40), (64, 64)]
    rois = [rng.integers(0, 256, sides[i % 3]).astype("uint8") for i in range(100)]
    model = tf.saved_model.load(str(finished / "saved_model"))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda roi: _ask(address, roi), rois))
    for roi, (status, answer) in zip(rois, answers, strict=True):
        assert status == 200
        expected = model.serve(roi[None, :, :, None]).numpy()
        assert np.allclose(answer["predictions"], expected, rtol=0, atol=1e-6)

    served = r"pid=(\d+).* POST / 200"
    until(lambda: len(set(re.findall(served, (tmp_path / "log").read_text()))) == 2)

    status, answer = _ask(address, *rois[:5])
    singly = [one["predictions"][0] for _, one in answers[:5]]
    assert np.allclose(answer["predictions"], singly, rtol=0, atol=1e-6)
    for wrong in (rois[0][:31], rois[0] / 255, rois[0] + 300.0, rois[0][0]):
        status, answer = _ask(address, rois[0], wrong)
        assert status == 400
        assert answer["error"].startswith("`instances`: ")


def test_tensorflow_serving_can_read_its_files() -> None:
    text = (SERVING / "models.config").read_text()
    models = text_format.Parse(text, ModelServerConfig()).model_config_list.config
    assert [(each.name, each.base_path) for each in models] == [("wa", "/models/wa")]
    parameters = text_format.Parse(
        (SERVING / "batching.config").read_text(), _batching_parameters()
    )
    assert parameters.max_batch_size.value == 32
    assert parameters.num_batch_threads.value > 0


def _batching_parameters():
    """Returns an empty `BatchingParameters`, of which there is no Python package."""
    file = descriptor_pb2.FileDescriptorProto(
        name="batching.proto",
        dependency=["google/protobuf/wrappers.proto"],
        syntax="proto3",
    )
    message = file.message_type.add(name="BatchingParameters")
    fields = ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches")
    for number, name in enumerate((*fields, "num_batch_threads"), start=1):
        message.field.add(
            name=name, number=number, type=11, type_name=".google.protobuf.Int64Value"
        )
    pool = descriptor_pool.DescriptorPool()
    from google.protobuf import wrappers_pb2

    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    described = pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(
        described.message_types_by_name["BatchingParameters"]
    )()
