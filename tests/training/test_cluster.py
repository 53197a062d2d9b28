"""TF_CONFIG is read strictly."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keras_wa.errors import UserError
from keras_wa.training.cluster import Cluster
from keras_wa.training.workers import SINGLE_PROCESS

TWO = ["host0:2222", "host1:2222"]


def config(kind: str = "worker", index: Any = 0, **members: list[str]) -> str:
    task = {"type": kind, "index": index}
    return json.dumps({"cluster": members or {"worker": TWO}, "task": task})


def test_workers_are_counted_from_the_chief_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", config(index=1))
    assert Cluster.from_environment() == Cluster(tuple(TWO), 1)
    # Vertex AI and Kubeflow give the chief a list of its own.
    members = {"worker": TWO, "chief": ["first:1"]}
    monkeypatch.setenv("TF_CONFIG", config("worker", 0, **members))
    assert Cluster.from_environment() == Cluster(("first:1", *TWO), 1)
    monkeypatch.setenv("TF_CONFIG", config("chief", 0, **members))
    assert Cluster.from_environment().index == 0


@pytest.mark.parametrize(
    ("text", "received"),
    [
        ("", "not set"),
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        ('{"cluster": {"worker": ["a:1"]}}', "KeyError: 'task'"),
        (config(index="one"), "ValueError"),
        (config(index=2), "task worker 2, which is not in its cluster"),
        (config(kind="ps"), "task ps 0, which is not in its cluster"),
        (config(worker=["host0", "host1:1"]), "the address 'host0'"),
        (config(worker=["a:1", "a:1"]), "the address 'a:1'"),
    ],
)
def test_what_is_not_understood_is_refused_with_an_example(
    monkeypatch: pytest.MonkeyPatch, text: str, received: str
) -> None:
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UserError, match="TF_CONFIG") as raised:
        Cluster.from_environment()
    assert received in str(raised.value)
    example = str(raised.value).split("TF_CONFIG='")[1].split("'")[0]
    monkeypatch.setenv("TF_CONFIG", example)
    assert Cluster.from_environment().addresses == tuple(TWO)


def test_a_cluster_of_one_needs_no_connection() -> None:
    assert Cluster(("host:1",), 0).join() is SINGLE_PROCESS
