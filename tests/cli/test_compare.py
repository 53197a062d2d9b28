"""`keras-wa compare` that trains, with the tiny model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from keras_wa.cli import main
from keras_wa.metrics import apply_temperature
from tests.cli.comparison import SYSTEMS, record_of, words
from tests.cli.failing import ErrorOf
from tests.tiny_model import start
from tests.waiting import until


@pytest.fixture
def begun(compared: Path, tmp_path: Path) -> Path:
    """A copy of the finished comparison without its tables, to go on with."""
    out = tmp_path / "out"
    shutil.copytree(compared / "runs", out / "runs")
    shutil.copy(compared / "costs.json", out)
    return out


def run_paths(out: Path) -> list[Path]:
    return sorted((out / "runs" / "official").iterdir())


def test_each_system_is_trained_once_a_seed(compared: Path) -> None:
    assert [path.name for path in run_paths(compared)] == [
        "tiny-dropout=0.5-seed0",
        "tiny-dropout=0.5-seed1",
        "tiny-seed0",
        "tiny-seed1",
    ]
    for path in run_paths(compared):
        config = json.loads((path / "config.json").read_text())
        assert config["seed"] == int(path.name[-1])
        assert config["model_options"].get("dropout") == (
            0.5 if "dropout" in path.name else 0.2
        )
        # What is only of use while a run is trained is gone.
        assert not (path / "checkpoints").exists()


def test_the_numbers_are_those_of_the_predictions(compared: Path) -> None:
    (part,) = record_of(compared)["splits"]
    aucs = {}
    for name, folder in zip(SYSTEMS, ("tiny", "tiny-dropout=0.5"), strict=True):
        tables = [
            pd.read_csv(
                compared / f"runs/official/{folder}-seed{seed}/evaluation/test"
                "/predictions.csv"
            )
            for seed in (0, 1)
        ]
        aucs[name] = [roc_auc_score(t["label"], t["probability"]) for t in tables]
    first, second = part["systems"]
    for system in (first, second):
        auc = system["metrics"]["auc"]
        assert auc["values"] == pytest.approx(aucs[system["name"]])
        assert auc["mean"] == pytest.approx(np.mean(aucs[system["name"]]))
        assert auc["sd"] == pytest.approx(np.std(aucs[system["name"]], ddof=1))
    assert first["differences"] == {}
    difference = second["differences"]["auc"]
    assert difference["value"] == pytest.approx(
        np.mean(aucs[SYSTEMS[1]]) - np.mean(aucs[SYSTEMS[0]])
    )
    assert difference["low"] <= difference["value"] <= difference["high"]
    # One comparison: nothing to adjust for.
    assert difference["p_holm"] == pytest.approx(difference["p_value"])


def test_the_ensemble_of_the_seeds_is_calibrated_as_the_runs_are(
    compared: Path,
) -> None:
    system = record_of(compared)["splits"][0]["systems"][0]
    members = []
    for seed in (0, 1):
        run = compared / f"runs/official/tiny-seed{seed}"
        table = pd.read_csv(run / "evaluation/test/predictions.csv")
        temperature = json.loads((run / "decision.json").read_text())["temperature"]
        members.append(apply_temperature(table["probability"], temperature))
    value = roc_auc_score(table["label"], np.mean(members, axis=0))
    assert system["ensemble"]["auc"]["value"] == pytest.approx(value)
    assert "The ensemble of each system" in (compared / "comparison.md").read_text()


def test_costs_are_measured_once(compared: Path) -> None:
    costs = json.loads((compared / "costs.json").read_text())
    assert list(costs) == SYSTEMS
    for cost in costs.values():
        assert cost["parameters"] > 500
        assert 0 < cost["gflops"] < 0.1
        assert cost["step_seconds"] > 0
        assert cost["batch_size"] == 16


def test_the_pages_say_what_has_to_be_said(compared: Path) -> None:
    for name in ("comparison.md", "comparison.html"):
        text = (compared / name).read_text(encoding="utf-8")
        assert "This is a phantom" in text
        assert "as published, split not stated" in text
        assert record_of(compared)["splits"][0]["split_hash"] in text
        for system in SYSTEMS:
            assert system in text
    assert (compared / "curves-official.png").stat().st_size > 10_000


def test_two_views_are_compared_by_lesion_with_the_maximum_of_one(
    store_dir: Path, begun: Path
) -> None:
    models = "tiny,tiny:views=two"
    assert main(words(store_dir, begun, models=models, seeds=1)) == 0
    (part,) = record_of(begun)["splits"]
    two = part["lesions"]["systems"][1]
    assert (two["name"], part["lesions"]["baseline"]) == ("tiny:views=two", "tiny")
    for each in part["lesions"]["systems"]:
        name = each["name"].replace(":", "-")
        folder = begun / "runs/official" / f"{name}-seed0" / "evaluation/test"
        table = pd.read_csv(folder / "predictions.csv")
        lesions = table.groupby(["patient_id", "breast", "lesion"])
        own = lesions.agg({"label": "max", "probability": "max"})
        assert part["lesions"]["n_rois"] == len(own) < len(table)
        auc = roc_auc_score(own["label"], own["probability"])
        assert each["metrics"]["auc"]["mean"] == pytest.approx(auc)
        level = json.loads((folder / "metrics.json").read_text())["levels"]["lesion"]
        assert level["metrics"]["auc"]["value"] == pytest.approx(auc)
        fused = lesions["probability"].nunique().eq(1).all()
        assert fused == (each is two)
    assert two["differences"]["auc"]["value"] is not None
    head = f"By lesion, {len(own)} of {part['n_patients']} patients"
    assert head in (begun / "comparison.md").read_text()
    assert head in (begun / "comparison.html").read_text()


def test_a_second_call_trains_nothing(compared: Path, store_dir: Path) -> None:
    runs = run_paths(compared)
    before = [(path / "best.keras").stat().st_mtime_ns for path in runs]
    record = record_of(compared)
    assert main(words(store_dir, compared)) == 0
    assert [(path / "best.keras").stat().st_mtime_ns for path in runs] == before
    again = record_of(compared)
    assert again["splits"] == record["splits"]
    assert again["costs"] == record["costs"]


@pytest.mark.slow
def test_a_killed_comparison_goes_on_where_it_was(store_dir: Path, begun: Path) -> None:
    out = begun
    shutil.rmtree(out / "runs")
    process = start(*words(store_dir, out, seeds=1))
    first = out / "runs/official/tiny-seed0/evaluation/test/metrics.json"
    until(first.exists, process)
    process.kill()
    process.communicate()
    done = first.stat().st_mtime_ns
    assert not (out / "comparison.json").exists()
    assert main(words(store_dir, out, seeds=1)) == 0
    assert first.stat().st_mtime_ns == done
    (part,) = record_of(out)["splits"]
    assert [len(each["seeds"]) for each in part["systems"]] == [1, 1]
    assert any("One seed each" in warning for warning in part["warnings"])


@pytest.mark.slow
def test_two_processes_share_the_runs(store_dir: Path, begun: Path) -> None:
    out = begun
    for path in run_paths(out)[1::2]:
        shutil.rmtree(path)
    processes = [start(*words(store_dir, out)) for _ in range(2)]
    said = [each.communicate()[0] for each in processes]
    assert [each.returncode for each in processes] == [0, 0], said
    # Each run was begun by one of them, and whoever ended last wrote the tables.
    for path in run_paths(out):
        history = pd.read_csv(path / "history.csv")
        assert list(history["epoch"]) == [1]
    (part,) = record_of(out)["splits"]
    assert [each["seeds"] for each in part["systems"]] == [[0, 1], [0, 1]]


def test_a_system_that_diverges_does_not_stop_the_others(
    store_dir: Path, begun: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = begun
    # Seed by seed: what fails first has a run behind it that is still to be trained.
    later = out / "runs/official/tiny-seed1"
    shutil.rmtree(later)
    models = "tiny,tiny:learning_rate=1e38"
    assert main(words(store_dir, out, models=models, seeds=2)) == 0
    said = capsys.readouterr().out
    failed = said.index("Failed, the others continue")
    assert failed < said.index("] tiny, seed 1, split official")
    (part,) = record_of(out)["splits"]
    (system,) = part["systems"]
    assert (system["name"], system["seeds"]) == ("tiny", [0, 1])
    assert (later / "evaluation/test/metrics.json").is_file()
    assert "the training has diverged" in part["failed"][0]
    assert "the training has diverged" in (out / "comparison.md").read_text()


@pytest.mark.slow
def test_several_splits_are_several_tables(store_dir: Path, begun: Path) -> None:
    out = begun
    changes = {"models": "tiny", "seeds": 1, "splits": "official,random-roi"}
    assert main(words(store_dir, out, **changes)) == 0
    record = record_of(out)
    assert [each["split"] for each in record["splits"]] == ["official", "random-roi"]
    hashes = {each["split_hash"] for each in record["splits"]}
    assert len(hashes) == 2
    text = (out / "comparison.md").read_text()
    assert "The same systems under each protocol" in text
    assert "every number on this page is inflated" in text


def test_validation_is_compared_without_training_anew(
    store_dir: Path, begun: Path
) -> None:
    runs = run_paths(begun)
    before = [(path / "best.keras").stat().st_mtime_ns for path in runs]
    assert main(words(store_dir, begun, models="tiny", seeds=1, part="val")) == 0
    assert [(path / "best.keras").stat().st_mtime_ns for path in runs] == before
    record = record_of(begun)
    assert "choosing between systems" in record["notes"][0]
    (part,) = record["splits"]
    file = begun / "runs/official/tiny-seed0/evaluation/val/predictions.csv"
    table = pd.read_csv(file)
    expected = roc_auc_score(table["label"], table["probability"])
    assert part["systems"][0]["metrics"]["auc"]["values"] == pytest.approx([expected])
    count = f"{len(table)} validation ROIs"
    for name in ("comparison.md", "comparison.html"):
        assert count in (begun / name).read_text(encoding="utf-8")


@pytest.mark.slow
def test_systems_may_see_the_rois_at_sizes_of_their_own(
    store_dir: Path, begun: Path, tmp_path: Path
) -> None:
    out = begun
    models = "tiny,tiny:image_size=64"
    assert main(words(store_dir, out, models=models, seeds=1)) == 0
    (part,) = record_of(out)["splits"]
    names = [each["name"] for each in part["systems"]]
    assert names == models.split(",")
    own = ("tiny-seed0", "tiny-image_size=64-seed0")
    runs = [str(out / "runs" / "official" / name) for name in own]
    again = tmp_path / "again"
    assert main(["compare", *runs, "--resamples", "50", "--out", str(again)]) == 0
    assert record_of(again)["splits"][0]["n_rois"] == part["n_rois"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"models": None}, "Give either --models"),
        ({"baseline": "tinny"}, "Unknown baseline. Received: 'tinny'; did you mean"),
        ({"splits": "oficial"}, "did you mean 'official'?"),
        ({"models": "tyny"}, "did you mean 'tiny'?"),
        ({"models": "tiny,tiny:learning_rate=NaN"}, "--learning-rate must be above 0"),
    ],
)
def test_a_wrong_argument_is_named(
    store_dir: Path,
    tiny_model: None,
    tmp_path: Path,
    error_of: ErrorOf,
    changes: dict[str, Any],
    expected: str,
) -> None:
    out = tmp_path / "out"
    assert expected in error_of(words(store_dir, out, **changes))
    assert not out.exists()
