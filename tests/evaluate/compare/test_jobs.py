"""Which runs may stand beside one another, and which are seeds of one system."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from keras_wa.errors import UserError
from keras_wa.evaluate.compare.jobs import jobs_of_runs, plan_jobs
from keras_wa.evaluate.compare.systems import COMMON, parse_systems
from keras_wa.training.config import TrainConfig
from keras_wa.training.run import Run

CASES = pd.DataFrame(
    {
        "roi_id": ["a", "b"],
        "patient_id": ["p", "q"],
        "label": [0, 1],
        "split": ["train", "test"],
    }
)

PHANTOM: dict[str, Any] = {"dataset": "phantom", "weights": "none"}

OTHER: dict[str, Any] = {
    "dataset": "folder",
    "group_pattern": "x",
    "lesion": "all",
    "crop": "roi",
    "field_mm": 30.0,
    "pixel_spacing": 0.05,
    "bits_stored": 12,
    "drop_without_callback": True,
    "for_processing": True,
    "limit": 7,
    "data_seed": 3,
    "image_size": 96,
    "rois": 400,
    "labelling": "clinical",
    "conspicuity": 2.0,
    "blur_mm": 0.05,
    "projected_views": True,
    "split": "patient-kfold",
    "folds": 4,
    "fold": 1,
    "validation": 0.3,
    "fresh_rois": True,
    "epochs": 7,
    "batch_size": 8,
}


def begun(path: Path, pixels: tuple[str, str] = ("0", "1"), **settings: Any) -> Path:
    """A run directory of the phantom that has begun."""
    run = Run.create(path, TrainConfig(**{**PHANTOM, **settings}))
    run.begin(CASES, pixels)
    return run.path


@pytest.mark.parametrize("field", COMMON)
def test_another_data_set_split_or_budget_is_refused_by_name(tmp_path, field):
    runs = [begun(tmp_path / "a"), begun(tmp_path / "b", **{field: OTHER[field]})]
    with pytest.raises(UserError, match=rf"/b has a different `{field}` than .*/a\."):
        jobs_of_runs(runs)


def test_other_settings_are_other_systems_with_seeds_of_their_own(tmp_path):
    runs = [
        begun(tmp_path / f"{seed}{augment}", seed=seed, augment=augment)
        for seed in (0, 1)
        for augment in (True, False)
    ]
    found = [(job.system.name, job.seed) for job in jobs_of_runs(runs)]
    plain, other = "wa_resnet50", "wa_resnet50:augment=false"
    assert found == [(plain, 0), (other, 0), (plain, 1), (other, 1)]


def test_runs_that_were_trained_with_other_images_are_refused(tmp_path):
    runs = [begun(tmp_path / "a"), begun(tmp_path / "b", ("0", "2"), seed=1)]
    with pytest.raises(UserError, match=r"trained on different images.*is 'b'"):
        jobs_of_runs(runs)


def test_runs_of_which_one_has_more_images_are_refused(tmp_path):
    fewer = begun(tmp_path / "fewer", seed=1)
    split = fewer / "split.csv"
    split.write_text("\n".join(split.read_text().splitlines()[:-1]) + "\n")
    for runs in ([begun(tmp_path / "a"), fewer], [fewer, tmp_path / "a"]):
        with pytest.raises(
            UserError, match=r"different images.*one of them lacks, is 'b'"
        ):
            jobs_of_runs(runs)


@pytest.mark.parametrize(
    "changes", [{"augment": False}, {"tiles": 4}, {"crop": "roi"}, {"epochs": 7}]
)
def test_a_run_that_lies_there_with_other_settings_is_refused(tmp_path, changes):
    begun(tmp_path / "runs" / "official" / "resnet50-seed0", model="resnet50")
    systems, shared = parse_systems("resnet50"), PHANTOM
    assert len(plan_jobs(systems, shared, 1, ["official"], tmp_path)) == 1
    (field,) = changes
    with pytest.raises(UserError, match=rf"with other settings: `{field}` was"):
        plan_jobs(systems, {**shared, **changes}, 1, ["official"], tmp_path)


def test_a_run_begun_from_another_folder_is_the_same_job(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    systems = parse_systems("resnet50")
    shared = {"dataset": "folder", "data_dir": "set", "weights": "w.h5"}
    (job,) = plan_jobs(systems, shared, 1, ["official"], tmp_path / "out")
    assert job.config.data_dir == str(tmp_path / "set")
    assert job.config.weights == str(tmp_path / "w.h5")
    Run.create(job.path, job.config).begin(CASES, ("0", "1"))
    (tmp_path / "deeper").mkdir()
    monkeypatch.chdir(tmp_path / "deeper")
    again = {**shared, "data_dir": "../set", "weights": "../w.h5"}
    assert plan_jobs(systems, again, 1, ["official"], Path("../out"))
    with pytest.raises(UserError, match=r"`weights` was '.*w\.h5'"):
        plan_jobs(systems, shared, 1, ["official"], Path("../out"))


def test_a_run_is_trained_once_its_history_is_whole_and_its_checkpoints_gone(tmp_path):
    shared = {**PHANTOM, "epochs": 2}
    (job,) = plan_jobs(parse_systems("resnet50"), shared, 1, ["official"], tmp_path)
    job.path.mkdir(parents=True)
    (job.path / "best.keras").touch()  # Ctrl-C in the first epoch leaves this alone.
    assert not job.trained
    (job.path / "history.csv").write_text("epoch,val_auc\n1,0.5\n")
    assert not job.trained
    (job.path / "history.csv").write_text("epoch,val_auc\n1,0.5\n2,0.6\n")
    assert job.trained
    (job.path / "checkpoints").mkdir()
    assert not job.trained


def test_every_fold_is_a_run_unless_one_is_named(tmp_path):
    systems, shared = parse_systems("resnet50"), {**PHANTOM, "folds": 3}
    jobs = plan_jobs(systems, shared, 2, ["patient-kfold", "official"], tmp_path)
    assert [job.path.name for job in jobs] == [
        "resnet50-seed0-fold0",
        "resnet50-seed0-fold1",
        "resnet50-seed0-fold2",
        "resnet50-seed0",
        "resnet50-seed1-fold0",
        "resnet50-seed1-fold1",
        "resnet50-seed1-fold2",
        "resnet50-seed1",
    ]
    assert [job.config.fold for job in jobs] == [0, 1, 2, 0, 0, 1, 2, 0]
    (job,) = plan_jobs(systems, {**shared, "fold": 1}, 1, ["patient-kfold"], tmp_path)
    assert (job.path.name, job.config.fold) == ("resnet50-seed0", 1)


def test_each_seed_needs_the_same_folds(tmp_path):
    kfold = {"split": "patient-kfold"}
    runs = [
        begun(tmp_path / f"{seed}{fold}", seed=seed, fold=fold, **kfold)
        for seed, fold in ((0, 0), (0, 1), (1, 0))
    ]
    with pytest.raises(UserError, match=r"seed 1. Received: runs of fold \[0\]"):
        jobs_of_runs(runs)
    assert len(jobs_of_runs(runs[:2])) == 2
