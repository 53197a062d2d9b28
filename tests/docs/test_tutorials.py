"""The code of the tutorials runs as it stands, and prints what they show."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_model import ROOT

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TUTORIALS = ROOT / "docs" / "tutorials"


@pytest.mark.parametrize(
    "name",
    [
        # The first one, on own ROIs, takes the same steps.
        pytest.param(name, marks=[pytest.mark.slow] if "cbis" in name else [])
        for name in sorted(path.name for path in TUTORIALS.glob("*.md"))
    ],
)
def test_a_tutorial_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    programs = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", programs, prepend=os.pathsep)
    names: dict[str, Any] = {}
    printed = ""
    blocks = _BLOCK.findall((TUTORIALS / name).read_text(encoding="utf-8"))
    assert blocks
    for kind, code in blocks:
        if kind == "text":
            assert printed == code
        elif kind == "python":
            with contextlib.redirect_stdout(io.StringIO()) as output:
                exec(compile(code, name, "exec"), names)
            printed = output.getvalue()
        else:
            assert kind == "bash"
            done = subprocess.run(
                ["bash", "-e", "-c", code], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            printed = done.stdout


_USE_THE_READER = """
import cv2

for index in range(8):
    kind = ("benign", "malignant")[index % 2]
    cv2.imwrite(f"p{index}_{kind}_1.png", np.full((40, 50), 20 * index, np.uint8))
dataset = read_my_set(".", ReadOptions())
assert set(dataset.cases["split"]) == {"train", "test"}
assert list(dataset.cases["label"]) == [0, 1] * 4
roi = dataset.read(dataset.cases.iloc[3])
assert (roi.pixels == 60).all() and roi.pixels.shape == (40, 50)
"""


def test_the_recipes_for_contributors_run(tmp_path: Path) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    recipes = [code for kind, code in _BLOCK.findall(text) if kind == "python"]
    assert len(recipes) == 3
    # In a process of its own: it registers a model.
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([*recipes, _USE_THE_READER])],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
