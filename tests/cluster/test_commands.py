"""Commands with `--ray`, whose results are those of one process."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from ray.cluster_utils import Cluster

from keras_wa.cli import main
from keras_wa.evaluate.tune.search import ended_trials
from keras_wa.settings import read_toml
from keras_wa.training.config import TrainConfig
from keras_wa.training.data import load_data
from keras_wa.training.fit import train
from keras_wa.training.run import Run
from tests.cli.bars import without_bars
from tests.cli.test_tune import study_of
from tests.cli.test_tune import words as search_words
from tests.cluster.conftest import predictions_of
from tests.data.pipeline.folders import make_folder
from tests.tiny_model import finished, flags, float32, store_dir, tiny_model

__all__ = ["finished", "float32", "store_dir", "tiny_model"]

pytestmark = pytest.mark.slow

_VIEWS = "_CC", "_MLO"  # Folders of whole mammograms; those of ROIs have a number.


def test_a_search_has_its_trials_and_the_value_of_each(
    cluster: Cluster, store_dir: Path, tiny_model: None, tmp_path: Path
) -> None:
    words = search_words(tmp_path / "out", store_dir, trials=3)
    assert main([*words, "--ray", cluster.address]) == 0
    study = study_of(tmp_path / "out")
    assert len(ended_trials(study)) == 3
    best = tmp_path / "out" / "best.toml"
    config = TrainConfig.from_mapping(read_toml(best), "best.toml")
    run = Run.create(tmp_path / "run", config)
    outcome = train(run, load_data(config, progress=False), verbose=0)
    assert outcome.best_auc == study.best_value


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_store_has_the_bytes_of_one_process(cluster: Cluster, tmp_path: Path) -> None:
    root = make_folder(tmp_path / "data", 20)
    (root / "1" / "b00_1.png").write_bytes(b"bad")
    words = ["prepare", "--data-dir", str(root), "--group-pattern", r"^(\w\d\d)"]
    words += ["--image-size", "32", "--store-dir"]
    assert main([*words, str(tmp_path / "alone")]) == 0
    assert main([*words, str(tmp_path / "shared"), "--ray", cluster.address]) == 0
    alone = files_of(tmp_path / "alone")
    assert len(alone) == 5
    assert files_of(tmp_path / "shared") == alone


def test_dicom_files_are_read_by_tasks(cluster: Cluster, tmp_path: Path) -> None:
    tree = ["phantom", str(tmp_path / "tree"), "--layout", "tcia", "--rois", "40"]
    assert main([*tree, "--image-height", "1200", "--image-width", "900"]) == 0
    words = ["prepare", "--dataset", "cbis-ddsm", "--data-dir", str(tmp_path / "tree")]
    words += ["--image-size", "64", "--store-dir"]
    assert main([*words, str(tmp_path / "alone")]) == 0
    assert main([*words, str(tmp_path / "shared"), "--ray", cluster.address]) == 0
    assert files_of(tmp_path / "shared") == files_of(tmp_path / "alone")


def test_an_audit_is_that_of_one_process(cluster: Cluster, tmp_path: Path) -> None:
    root = make_folder(tmp_path / "data", 20)
    (root / "1" / "b00_1.png").write_bytes(b"bad")
    words = ["audit", "folder", "--data-dir", str(root), "--resamples", "20"]
    words += ["--group-pattern", r"^(\w\d\d)", "--out"]
    assert main([*words, str(tmp_path / "alone")]) == 0
    assert main([*words, str(tmp_path / "shared"), "--ray", cluster.address]) == 0
    assert files_of(tmp_path / "shared") == files_of(tmp_path / "alone")


def test_a_comparison_has_the_numbers_of_one_process(
    cluster: Cluster, store_dir: Path, tiny_model: None, tmp_path: Path
) -> None:
    settings = {"model": None, "epochs": 1, "store_dir": store_dir, "resamples": 50}
    words = ["compare", *flags(**settings, seeds=2, models="tiny,tiny:dropout=0.5")]
    assert main([*words, "--out", str(tmp_path / "a")]) == 0
    assert main([*words, "--out", str(tmp_path / "b"), "--ray", cluster.address]) == 0
    pd.testing.assert_frame_equal(
        predictions_of(tmp_path / "a"), predictions_of(tmp_path / "b")
    )
    first, second = (
        json.loads((tmp_path / name / "comparison.json").read_text())["splits"][0]
        for name in "ab"
    )
    for ours, theirs in zip(first["systems"], second["systems"], strict=True):
        assert ours["metrics"] == theirs["metrics"]
        assert ours["differences"] == theirs["differences"]


@pytest.fixture
def rois(finished: Path, tmp_path: Path) -> Path:
    """The run's ROIs as PNG files, and one that is none."""
    folder = tmp_path / "rois"
    folder.mkdir()
    data = load_data(Run.open(finished).config)
    for row in range(42):
        cv2.imwrite(str(folder / f"{row:03d}.png"), np.asarray(data.raw[row]))
    (folder / "020a.png").write_bytes(b"no image")
    return folder


def test_predictions_are_those_of_one_process_in_the_same_order(
    cluster: Cluster, finished: Path, rois: Path, tmp_path: Path
) -> None:
    words = ["predict", str(finished), *map(str, sorted(rois.iterdir()))]
    assert main([*words, "--csv", str(tmp_path / "a.csv")]) == 0
    words += ["--csv", str(tmp_path / "b.csv"), "--ray", cluster.address]
    assert main(words) == 0
    first, second = (pd.read_csv(tmp_path / f"{name}.csv", dtype=str) for name in "ab")
    assert len(first) == 43
    assert first["error"].notna().sum() == 1
    pd.testing.assert_frame_equal(first, second)


def test_mammograms_are_searched_by_tasks(
    cluster: Cluster, finished: Path, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    words = ["phantom", str(tree), "--layout", "tcia", "--rois", "8"]
    assert main([*words, "--image-height", "1600", "--image-width", "1200"]) == 0
    folders = [path for path in sorted(tree.iterdir()) if path.name.endswith(_VIEWS)]
    films = [film for folder in folders for film in folder.rglob("*.dcm")]
    words = ["predict", str(finished), *map(str, films), "--as", "mammogram"]
    words += ["--pixel-spacing", "0.05", "--csv"]
    assert main([*words, str(tmp_path / "a.csv")]) == 0
    seen = ["--overlay", str(tmp_path / "seen"), "--ray", cluster.address]
    assert main([*words, str(tmp_path / "b.csv"), *seen]) == 0
    first, second = (pd.read_csv(tmp_path / f"{name}.csv") for name in "ab")
    assert first["box_left"].notna().sum() >= 2
    pd.testing.assert_frame_equal(first, second, rtol=0, atol=1e-6)
    pictures = list((tmp_path / "seen").iterdir())
    assert len(pictures) == first["probability"].notna().sum()


def test_many_runs_are_evaluated_as_one_by_one(
    cluster: Cluster, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [shutil.copytree(finished, tmp_path / name) for name in ("a", "b")]
    words = ["evaluate", *map(str, runs), "--resamples", "50"]
    assert main(words) == 0
    alone = without_bars(capsys.readouterr().out)
    assert alone.count("Written: ") == 2
    assert main([*words, "--ray", cluster.address]) == 0
    assert capsys.readouterr().out == alone.replace("\r", "")
    (runs[0] / "best.keras").unlink()
    assert main([*words, "--ray", cluster.address]) == 2
    said = capsys.readouterr()
    assert "1 of 2 runs failed" in said.err
    assert "has no best.keras" in said.err
    assert said.out.count("Written: ") == 1
