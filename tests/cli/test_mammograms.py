"""From mammograms to a result: phantom tree, prepare, train, evaluate, audit."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from keras_wa.cli import main
from keras_wa.data import split_hash
from keras_wa.data.pipeline import PreparedStore

FIELD = ["--pixel-spacing", "0.1", "--field-mm", "8"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A phantom of CBIS-DDSM with both lesion types, small films."""
    path = tmp_path_factory.mktemp("mammograms") / "cbis-ddsm"
    words = ["--rois", "160", "--lesion", "all", "--field-mm", "8", "--pixel-mm", "0.1"]
    words += ["--image-height", "600", "--image-width", "400"]
    assert main(["phantom", "--layout", "tcia", str(path), *words]) == 0
    return path


@pytest.fixture
def prepare(tree: Path, tmp_path: Path):
    """Prepares the tree with further flags; returns the store."""

    def run(*words: str) -> PreparedStore:
        flags = ["--data-dir", str(tree), "--store-dir", str(tmp_path / "stores")]
        assert main(["prepare", *flags, "--image-size", "32", *FIELD, *words]) == 0
        newest = max((tmp_path / "stores").iterdir(), key=lambda p: p.stat().st_mtime)
        return PreparedStore.open(newest)

    return run


def test_every_roi_comes_through(prepare, tree):
    store = prepare()
    truth = pd.read_csv(tree / "phantom_truth.csv").drop_duplicates("roi_id")
    listed = truth[truth["roi_id"].str.startswith("Calc")].set_index("roi_id")
    assert set(store.cases["roi_id"]) == set(listed.index)
    assert store.manifest["skipped"] == []
    facts = store.manifest["facts"]
    assert facts["swapped"] == listed["swapped"].sum()
    assert facts["size_mm"]["min"] == facts["size_mm"]["max"] == [8.0, 8.0]
    assert (store.cases["pixel_spacing_mm"] == 0.1).all()
    assert facts["spacing_from"] == {"option": len(listed)}


def test_a_damaged_file_costs_its_rois_only(tree, prepare):
    whole = prepare()
    row = whole.cases.iloc[3]
    path = tree / row["image_path"]
    data = path.read_bytes()
    hit = whole.cases["image_path"] == row["image_path"]
    try:
        path.write_bytes(data[: len(data) // 2])
        store = prepare()
    finally:
        path.write_bytes(data)
    assert set(store.cases["roi_id"]) == set(whole.cases["roi_id"][~hit])
    skipped = {entry["path"]: entry["reason"] for entry in store.manifest["skipped"]}
    assert set(skipped) == set(whole.cases["roi_id"][hit])
    assert all(row["image_path"] in reason for reason in skipped.values())


def test_a_run_on_mammograms_from_training_to_its_audit(
    tree, tmp_path, tiny_model, capsys
):
    run = tmp_path / "run"
    words = ["--data-dir", str(tree), "--store-dir", str(tmp_path / "stores"), *FIELD]
    words += ["--image-size", "32", "--model", "tiny", "--epochs", "1"]
    words += ["--batch-size", "8", "--run-dir", str(run)]
    assert main(["train", *words]) == 0
    said = capsys.readouterr().out
    assert "tiny on cbis-ddsm" in said
    assert main(["evaluate", str(run), "--resamples", "20"]) == 0
    record = json.loads((run / "evaluation" / "test" / "metrics.json").read_text())
    split = pd.read_csv(run / "split.csv", dtype=str)
    assert record["split_hash"] == split_hash(split)
    assert record["split_hash"] in said
    assert any("counts as benign" in note for note in record["notes"])
    assert any("This is a phantom" in note for note in record["notes"])
    out = tmp_path / "audit"
    words = ["--data-dir", str(tree), "--out", str(out), "--resamples", "20", *FIELD]
    assert main(["audit", "cbis-ddsm", *words]) == 0
    audit = json.loads((out / "audit.json").read_text())
    assert audit["settings"]["split_hash"] == record["split_hash"]
    verdicts = {each["check"]: each["verdict"] for each in audit["findings"]}
    assert verdicts["patients"] == "ok"
    assert "not done" not in verdicts.values()
