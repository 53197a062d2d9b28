"""Tests the Dockerfile's targets with their real installs, in a fresh environment.

    sudo python -m benchmarks.container cpu serve

There is no engine: `tests/dockerfile.py` says what stands in for one, and in what it
differs: the machine's own system and Python instead of `python:3.12-slim`. It needs
root, a connection and 3 GB of memory, in which the files are. `serve` then serves
WA-ResNet-50 with random weights as a careful `docker run` would.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

from tests.confined import AS_USER, confined, health_command
from tests.dockerfile import ROOT, VENV, Tree, add_python, plain_tree, stages

_SAVE = """
from keras_wa.models import create_model

create_model("wa_resnet50").save("/model/best.keras")
"""
_ASK = """
import json, os
from urllib.request import Request, urlopen

roi = [[i * j % 256 for i in range(224)] for j in range(224)]
headers = {"Authorization": f"Bearer {os.environ['KERAS_WA_TOKEN']}"}
url = "http://127.0.0.1:8501/v1/models/wa:predict"
body = json.dumps({"instances": [roi] * 32}).encode()
for _ in range(10):
    urlopen(Request(url, body, headers), timeout=60).read()
"""
# Settings that pip needs to reach its index.
_CONNECTION = re.compile("PIP_.*|.*_proxy|SSL_CERT_.*|REQUESTS_CA_BUNDLE", re.I)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", default=["cpu", "serve"])
    args = parser.parse_args()
    found = stages((ROOT / "Dockerfile").read_text(encoding="utf-8"))
    variables = {k: v for k, v in os.environ.items() if _CONNECTION.fullmatch(k)}
    print("\n### The Dockerfile\n")
    for target in args.targets:
        with (
            tempfile.TemporaryDirectory() as place,
            plain_tree(Path(place), **variables) as tree,
        ):
            add_python(tree, installed=False)
            began = time.perf_counter()
            tree.run_job(found[target])
            took = time.perf_counter() - began
            print(f"- {target}: every line of it ran, {took:.0f} s")
            _look(tree)
            if target == "serve":
                _serve(tree)


def _look(tree: Tree) -> None:
    print(f"- `pip check`: {tree.run('pip', 'check').strip()}")
    size = tree.run("du", "-sm", VENV).split()[0]
    print(f"- installed: {size} MB")
    words = (*tree.settings["ENTRYPOINT"].words, "--help")
    tree.run(*AS_USER, *words, directory=tree.directory)


def _serve(tree: Tree) -> None:
    tree.run("mkdir", "/model")
    tree.run("python", "-c", _SAVE)
    tree.variables |= {"HOME": "/home/keras", "KERAS_WA_TOKEN": "s3cret"}
    check = health_command(tree.settings["HEALTHCHECK"])
    began = time.perf_counter()
    with confined(tree, "/model/best.keras") as (process, pid):
        print(f"- to the first request: {time.perf_counter() - began:.1f} s")
        print(f"- memory at rest: {_memory(pid, 'VmRSS')} MB")
        for words in (check, ["python", "-c", _ASK]):
            subprocess.run(tree.entering(*AS_USER, *words, beside=pid), check=True)
        print(f"- memory at most, 10 requests of 32 ROIs: {_memory(pid, 'VmHWM')} MB")
        began = time.perf_counter()
        subprocess.run(["kill", str(pid)], check=True)
        code = process.wait(10)
        print(f"- SIGTERM to exit code {code}: {time.perf_counter() - began:.1f} s")


def _memory(pid: int, field: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) // 1024


if __name__ == "__main__":
    main()
