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


@pytest.mark.parametrize("name", sorted(path.name for path in TUTORIALS.glob("*.md")))
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
