"""The run directory: never overwritten, recognised again, and sure of its data."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import platform
from pathlib import Path

import keras
import pandas as pd
import pytest

from keras_wa.cores import usable_cores
from keras_wa.errors import UserError
from keras_wa.phantom.spec import PHANTOM_VERSION
from keras_wa.training.config import TrainConfig
from keras_wa.training.run import FORMAT, Run, describe_environment

CASES = pd.DataFrame(
    {
        "roi_id": ["a", "b", "c", "NA"],
        "patient_id": ["p1", "p1", "007", "p3"],
        "label": pd.array([0, 1, 1, 0], "Int64"),
        "split": ["train", "train", "val", "test"],
        "density": pd.array([1, None, 2, 3], "Int64"),
    }
)


PIXELS = ["a0", "b0", "c0", "d0"]
"""Digests of their pixels."""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run that has begun."""
    run = Run.create(
        tmp_path / "run", TrainConfig(dataset="phantom", weights="none", epochs=7)
    )
    run.begin(CASES, PIXELS)
    return run


def test_a_begun_run_is_opened_with_the_same_config(run: Run) -> None:
    assert Run.open(run.path) == run
    record = json.loads((run.path / "config.json").read_text())
    assert record["format"] == FORMAT
    assert record["epochs"] == 7


def test_a_run_whose_data_moved_keeps_their_places_and_its_settings(run: Run) -> None:
    changes = {"data_dir": "/new", "store_dir": "/stores", "case_lists": "/lists"}
    changes["mlflow"] = "http://new:5000"
    moved = dataclasses.replace(run.config, **changes)
    dataclasses.replace(run, config=dataclasses.replace(moved, seed=5)).update_paths()
    assert Run.open(run.path).config == moved


def test_the_split_is_written_roi_by_roi(run: Run) -> None:
    assert (run.path / "split.csv").read_text().splitlines() == [
        "roi_id,patient_id,label,split,pixels",
        "a,p1,0,train,a0",
        "b,p1,1,train,b0",
        "c,007,1,val,c0",
        "NA,p3,0,test,d0",
    ]


def test_the_environment_explains_a_number(run: Run) -> None:
    record = json.loads((run.path / "environment.json").read_text())
    assert record["python"] == platform.python_version()
    assert record["cores"] == usable_cores()
    assert record["packages"]["keras"] == keras.__version__
    assert {"keras_wa", "tensorflow", "numpy"} <= set(record["packages"])
    assert record["backend"] == "tensorflow"
    assert record["devices"]
    assert record["command"]


def test_a_package_that_is_not_installed_is_said_to_be_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("keras_wa.training.run._PACKAGES", ("no-such-package",))
    assert describe_environment()["packages"]["no-such-package"] == "not installed"


def test_claiming_a_directory_writes_nothing_so_that_it_can_be_claimed_again(
    tmp_path: Path,
) -> None:
    # A setting that turns out wrong must not leave a run to get around.
    for _ in range(2):
        Run.create(tmp_path / "run", TrainConfig(weights="none"))
    assert list((tmp_path / "run").iterdir()) == []


def test_an_existing_run_is_never_overwritten(run: Run) -> None:
    before = (run.path / "config.json").read_bytes()
    with pytest.raises(
        UserError, match=r"run already exists.*`resume=True`.*`run_dir`"
    ):
        Run.create(run.path, TrainConfig(weights="none", epochs=8))
    assert (run.path / "config.json").read_bytes() == before


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_file_in_the_way_is_named(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(UserError, match=r"file.*`run_dir`|`run_dir`.*file"):
        Run.create(tmp_path / "file" / below, TrainConfig(weights="none"))
    assert (tmp_path / "file").read_text() == "not a directory"


def test_without_a_name_the_run_is_named_for_model_dataset_and_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = Run.create(None, TrainConfig(dataset="phantom", weights="none"))
    assert run.path.parent == Path("runs")
    assert run.path.name.startswith("wa_resnet50-phantom-20")


def test_a_directory_without_config_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is not a run directory.*No such file"):
        Run.open(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"is not a run directory.*Not a directory"):
        Run.open(tmp_path / "file")


@pytest.mark.parametrize("format_", [FORMAT + 1, FORMAT - 1, "1", None])
def test_a_run_of_another_version_is_refused(run: Run, format_: object) -> None:
    record = {**json.loads((run.path / "config.json").read_text()), "format": format_}
    (run.path / "config.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match=r"another version.*format is .*expected 2"):
        Run.open(run.path)


def test_a_preset_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"kind": "keras_wa preset", "format": 1}')
    with pytest.raises(UserError, match="is a preset, not a run directory"):
        Run.open(tmp_path)


@pytest.mark.parametrize("text", ["[1, 2]", "null"])
def test_json_that_is_no_config_is_refused(run: Run, text: str) -> None:
    (run.path / "config.json").write_text(text)
    with pytest.raises(UserError, match="another version"):
        Run.open(run.path)


def test_a_config_that_was_cut_off_is_named(run: Run) -> None:
    text = (run.path / "config.json").read_text()
    (run.path / "config.json").write_text(text[: len(text) // 2])
    with pytest.raises(UserError, match=r"config\.json: not JSON"):
        Run.open(run.path)


def test_a_config_of_a_later_version_with_a_new_field_is_named(run: Run) -> None:
    record = {**json.loads((run.path / "config.json").read_text()), "novelty": 1}
    (run.path / "config.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match=r"config\.json: Unknown field.*'novelty'"):
        Run.open(run.path)


def test_the_newest_run_is_the_one_begun_last(tmp_path: Path) -> None:
    for i, name in enumerate(("b", "c", "a")):
        run = Run.create(tmp_path / name, TrainConfig(weights="none"))
        run.begin(CASES, PIXELS)
        os.utime(run.path / "config.json", (1000 + i, 1000 + i))
    assert Run.newest(tmp_path) == tmp_path / "a"
    with pytest.raises(UserError, match=r"No run to resume under .*`run_dir`"):
        Run.newest(tmp_path / "a")


def test_the_same_cases_are_recognised_in_any_order(run: Run) -> None:
    assert run.require_same_data(CASES, PIXELS) == []
    assert run.require_same_data(CASES[::-1], PIXELS[::-1]) == []
    with pytest.raises(UserError, match="no longer those of the run"):
        run.require_same_data(CASES[1:], PIXELS[1:])


@pytest.mark.parametrize("change", ["part", "label", "patient", "more", "fewer"])
def test_a_changed_dataset_is_refused(run: Run, change: str) -> None:
    # The ROIs of a patient may have moved from training to test.
    cases = CASES.copy()
    if change == "part":
        cases.loc[3, "split"] = "train"
    elif change == "label":
        cases.loc[3, "label"] = 1
    elif change == "patient":
        cases.loc[3, "patient_id"] = "p1"
    elif change == "more":
        cases = pd.concat([cases, cases.iloc[:1].assign(roi_id="new")])
    else:
        cases = cases.iloc[:3]
    pixels = [*PIXELS, "e0"][: len(cases)]
    with pytest.raises(UserError, match=r"split\.csv: .*no longer those of the run"):
        run.require_same_data(cases, pixels, allow_changed_data=True)


def test_other_pixels_under_the_same_names_are_refused_or_noted(run: Run) -> None:
    pixels = ["a0", "b1", "c0", "d1"]
    found = "2 of 4 ROIs have different pixels than in the training, the first 'b'"
    with pytest.raises(
        UserError, match=rf"split\.csv: {found}.*`allow_changed_data=True`"
    ):
        run.require_same_data(CASES, pixels)
    (note,) = run.require_same_data(CASES, pixels, allow_changed_data=True)
    drawn = f"the phantom is now drawn as version {PHANTOM_VERSION}"
    assert note.startswith(f"Changed data: {found} ({drawn}).")


def test_a_split_without_a_record_of_pixels_is_named(run: Run) -> None:
    file = run.path / "split.csv"
    lines = file.read_text().splitlines()
    file.write_text("\n".join(line.rpartition(",")[0] for line in lines))
    with pytest.raises(UserError, match=r"split\.csv: cannot be read.*pixels"):
        run.require_same_data(CASES, PIXELS)


def test_a_missing_split_is_named(run: Run) -> None:
    (run.path / "split.csv").unlink()
    with pytest.raises(UserError, match=r"split\.csv: cannot be read"):
        run.require_same_data(CASES, PIXELS)


def test_history_reads_back_to_the_last_bit(run: Run) -> None:
    rows = [{"epoch": 1, "val_auc": 0.1 + 0.2}, {"epoch": 2, "val_auc": 1 / 3}]
    run.write_history(rows)
    with (run.path / "history.csv").open() as file:
        read = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    assert read == rows


def test_a_run_without_a_model_says_how_to_get_one(run: Run) -> None:
    with pytest.raises(UserError, match=rf"`train\(run='{run.path}', resume=True\)`"):
        run.require_best()
    run.best.write_bytes(b"model")
    assert run.require_best() == run.path / "best.keras"
