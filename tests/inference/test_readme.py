"""The README's first Python runs as it stands."""

from __future__ import annotations

import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.tiny_model import ROOT


def test_the_first_python_of_the_readme_runs(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = text.split("From Python:\n\n")[1].splitlines()
    block = lines[: lines.index("")]
    assert len(block) == 9
    monkeypatch.chdir(tmp_path)
    Path("runs").mkdir()
    Path("runs/quick").symlink_to(finished)
    rng = np.random.default_rng(0)
    y_true = np.arange(20) % 2
    names = {
        "images": [rng.integers(0, 65536, (40, 50), np.uint16)],
        "rois": rng.integers(0, 256, (8, 40, 40, 1), np.uint8),
        "labels": np.arange(8) % 2,
        "y_true": y_true,
        "y_score": rng.random(20) + y_true,
        "patients": np.arange(20) // 2,
    }
    exec(textwrap.dedent("\n".join(block)), names)
    assert isinstance(names["model"], keras.Model)
    assert Path("my_preset/config.json").is_file()
    assert Path("my_saved_model/saved_model.pb").is_file()
