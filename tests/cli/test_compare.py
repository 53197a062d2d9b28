"""`keras-wa compare` from the command line, with the tiny model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from keras_wa.cli import main
from keras_wa.metrics import apply_temperature
from tests.cli.failing import ErrorOf
from tests.tiny_model import flags, start
from tests.waiting import until

Refused = Callable[[Sequence[Path], Path], str]
SYSTEMS = ["tiny", "tiny:dropout=0.5"]


def words(store_dir: Path, out: Path, **changes: Any) -> list[str]:
    """A comparison of two systems with two seeds, one epoch each."""
    own: dict[str, Any] = {"models": ",".join(SYSTEMS), "seeds": 2, "resamples": 50}
    settings: dict[str, Any] = {"model": None, "epochs": 1, "store_dir": store_dir}
    return ["compare", *flags(**{**settings, **own, "out": out, **changes})]


@pytest.fixture(scope="module")
def compared(
    store_dir: Path, tiny_model: None, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a finished comparison; not to be changed."""
    out = tmp_path_factory.mktemp("compared") / "out"
    assert main(words(store_dir, out)) == 0
    return out


@pytest.fixture
def begun(compared: Path, tmp_path: Path) -> Path:
    """A copy of the finished comparison without its tables, to go on with."""
    out = tmp_path / "out"
    shutil.copytree(compared / "runs", out / "runs")
    shutil.copy(compared / "costs.json", out)
    return out


def run_paths(out: Path) -> list[Path]:
    return sorted((out / "runs" / "official").iterdir())


def record_of(out: Path) -> dict[str, Any]:
    return json.loads((out / "comparison.json").read_text())


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
    failed = said.index("Failed, the others go on")
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
    assert "one protocol after the other" in text
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


@pytest.fixture(scope="module")
def folded(
    store_dir: Path, tiny_model: None, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A comparison over two folds; not to be changed."""
    out = tmp_path_factory.mktemp("folded") / "out"
    changes = {"models": "tiny", "splits": "patient-kfold", "folds": 2, "seeds": 1}
    assert main(words(store_dir, out, **changes)) == 0
    return out


@pytest.mark.slow
def test_the_folds_of_a_seed_are_tested_as_one(folded: Path) -> None:
    runs = [folded / f"runs/patient-kfold/tiny-seed0-fold{fold}" for fold in range(2)]
    tables = [pd.read_csv(run / "evaluation/test/predictions.csv") for run in runs]
    thresholds = [
        json.loads((run / "evaluation/test/metrics.json").read_text())["threshold"]
        for run in runs
    ]
    every = pd.concat(tables)
    assert every["roi_id"].is_unique
    called = np.concatenate(
        [
            table["probability"] >= threshold["value"]
            for table, threshold in zip(tables, thresholds, strict=True)
        ]
    )
    (part,) = record_of(folded)["splits"]
    assert part["n_rois"] == len(every)
    assert part["n_patients"] == every["patient_id"].nunique()
    assert part["split_origin"].startswith("patient-kfold, folds 0, 1 of 0 to 1")
    metrics = part["systems"][0]["metrics"]
    expected = roc_auc_score(every["label"], every["probability"])
    assert metrics["auc"]["values"] == pytest.approx([expected])
    accuracy = np.mean(called == every["label"])
    assert metrics["accuracy"]["values"] == pytest.approx([accuracy])
    assert part["systems"][0]["seeds"] == [0]


def test_runs_of_folds_are_compared_as_they_are(
    folded: Path, tmp_path: Path, refused: Refused
) -> None:
    out = tmp_path / "out"
    runs = sorted(map(str, (folded / "runs/patient-kfold").iterdir()))
    assert main(["compare", *runs, "--resamples", "50", "--out", str(out)]) == 0
    (part,), (then,) = record_of(out)["splits"], record_of(folded)["splits"]
    assert part["split_hash"] == then["split_hash"]
    assert part["systems"][0]["metrics"] == then["systems"][0]["metrics"]
    other = shutil.copytree(runs[1], tmp_path / "other seed")
    change(other / "config.json", seed=1)
    line = refused((*map(Path, runs), other), tmp_path / "less")
    assert "Received: runs of fold [1]; expected those of [0, 1]" in line


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


def test_finished_runs_are_compared_as_they_are_with_their_hardware(
    compared: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(compared / "runs/official", tmp_path / "runs")
    runs = [str(path) for path in sorted(folder.iterdir())]
    for run, devices in zip(runs, ["1 x A100"] * 3 + ["CPU, 3 cores"], strict=True):
        change(Path(run) / "environment.json", devices=devices, backend="jax")
    out = tmp_path / "out"
    assert main(["compare", *runs, "--resamples", "50", "--out", str(out)]) == 0
    (part,) = record_of(out)["splits"]
    found = {each["name"]: each["seeds"] for each in part["systems"]}
    assert found == {"tiny:dropout=0.5": [0, 1], "tiny": [0, 1]}
    assert record_of(out)["hardware"] == "1 x A100, jax; CPU, 3 cores, jax"
    for run in runs[:3]:
        (Path(run) / "environment.json").unlink()
    assert main(["compare", *runs, "--resamples", "50", "--out", str(out)]) == 0
    hardware = "hardware not recorded; CPU, 3 cores, jax"
    assert record_of(out)["hardware"] == hardware


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


@pytest.fixture
def copies(compared: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two evaluated runs of different systems that may be changed."""
    first, second = (
        Path(shutil.copytree(compared / "runs/official" / name, tmp_path / name))
        for name in ("tiny-seed0", "tiny-dropout=0.5-seed0")
    )
    return first, second


def change(file: Path, **values: Any) -> None:
    record = json.loads(file.read_text())
    file.write_text(json.dumps({**record, **values}))


@pytest.fixture
def refused(error_of: ErrorOf) -> Refused:
    """Compares runs that cannot be; gives the error."""

    def line(runs: Sequence[Path], out: Path) -> str:
        found = error_of(["compare", *runs, "--out", out])
        assert not (out / "comparison.json").exists()
        return found

    return line


def test_a_comparison_of_two_splits_is_refused(
    copies: tuple[Path, Path], tmp_path: Path, refused: Refused
) -> None:
    change(copies[1] / "evaluation/test/metrics.json", split_hash="0123456789ab")
    line = refused(copies, tmp_path / "out")
    assert "Results on different splits cannot be compared" in line
    assert "0123456789ab" in line


def test_the_same_run_twice_is_refused(
    copies: tuple[Path, Path], tmp_path: Path, refused: Refused
) -> None:
    line = refused((copies[0], copies[0]), tmp_path / "out")
    assert "Expected: each system once a seed" in line


def test_a_probability_that_is_no_number_is_refused(
    copies: tuple[Path, Path], tmp_path: Path, refused: Refused
) -> None:
    file = copies[0] / "evaluation/test/predictions.csv"
    table = pd.read_csv(file)
    table.loc[3, "probability"] = np.nan
    table.to_csv(file, index=False, na_rep="nan")
    line = refused(copies, tmp_path / "out")
    assert f"the probability of ROI {table['roi_id'][3]!r} is no number" in line


def test_a_run_that_is_not_evaluated_says_how(
    copies: tuple[Path, Path], tmp_path: Path, refused: Refused
) -> None:
    shutil.rmtree(copies[1] / "evaluation")
    line = refused(copies, tmp_path / "out")
    assert f"python evaluate.py {copies[1]}" in line
