"""The main job as a user runs it: the real network, real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
from sklearn.metrics import roc_auc_score

ROOT = Path(__file__).resolve().parents[1]

SMALL = """
dataset = "phantom"
rois = 100
image_size = 32
field_mm = 6.0
epochs = 1
batch_size = 16
"""


def run(script: str, *words: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, ROOT / script, *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_train_then_evaluate_leaves_a_whole_run(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(SMALL)
    said = run("train.py", "--config", "small.toml", "--run-dir", "r", cwd=tmp_path)
    assert "phantom" in said
    assert "python evaluate.py r" in said
    said = run("evaluate.py", "r", "--resamples", "200", cwd=tmp_path)
    assert "AUC" in said
    assert "best possible AUC" in said
    folder = tmp_path / "r"
    files = ["config.json", "environment.json", "split.csv", "history.csv"]
    for name in [*files, "best.keras", "saved_model/saved_model.pb"]:
        assert (folder / name).is_file(), name
    metrics = json.loads((folder / "evaluation/test/metrics.json").read_text())
    table = pd.read_csv(folder / "evaluation/test/predictions.csv")
    auc = roc_auc_score(table["label"], table["probability"])
    assert metrics["metrics"]["auc"]["value"] == auc
    split = pd.read_csv(folder / "split.csv")
    assert (split.groupby("patient_id")["split"].nunique() == 1).all()
    assert set(table["roi_id"]) == set(split.loc[split["split"] == "test", "roi_id"])
