"""One call evaluates a run and writes the record, the predictions and the page."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from keras_wa.data.pipeline import npy_file
from keras_wa.errors import UserError
from keras_wa.evaluate.report import evaluate_run as module
from keras_wa.evaluate.report.evaluate_run import evaluate_run
from keras_wa.evaluate.report.mistakes import read_mistakes
from keras_wa.files import without_nan
from keras_wa.metrics import baselines
from keras_wa.training.run import Run
from tests.evaluate.pages.html import parse, parse_page, text_of


@pytest.fixture(scope="module")
def evaluated(finished: Path, tmp_path_factory: pytest.TempPathFactory):
    """A copy of a finished run after its evaluation, and what that gave."""
    path = tmp_path_factory.mktemp("evaluated") / "run"
    shutil.copytree(finished, path)
    return path, evaluate_run(Run.open(path), "test", "youden", 20)


@pytest.fixture(scope="module")
def page(evaluated) -> str:
    path = evaluated[0] / "evaluation" / "test" / "report.html"
    return path.read_text(encoding="utf-8")


def test_the_files_are_written_and_the_record_is_returned(evaluated):
    path, results = evaluated
    folder = path / "evaluation" / "test"
    assert {each.name for each in folder.iterdir()} == {
        "metrics.json",
        "predictions.csv",
        "mistakes",
        "report.html",
    }
    assert json.loads((folder / "metrics.json").read_text()) == without_nan(results)
    predictions = pd.read_csv(folder / "predictions.csv")
    assert len(predictions) == results["n_rois"]


def test_the_page_is_valid_and_light_and_says_of_a_phantom_that_it_is_one(page):
    tree = parse_page(page)
    assert len(page.encode()) < 3_000_000
    assert "says nothing clinical" in text_of(tree.find(".//p[@class]"))
    warnings = tree.find(".//section[@class='warnings']")
    assert "This is a phantom" in text_of(warnings)


def test_the_page_shows_mistakes_settings_and_the_split(evaluated, page):
    path, results = evaluated
    tree = parse(page)
    shown = read_mistakes(path / "evaluation" / "test")
    captions = {text_of(each) for each in tree.iter("p")}
    for mistake in (*shown.missed, *shown.false_alarms):
        assert mistake.caption in captions
    files = (path / "evaluation" / "test" / "mistakes").glob("*.png")
    assert len(list(tree.iter("img"))) == len(list(files)) > 0
    settings = {text_of(each) for each in tree.iter("dd")}
    environment = json.loads((path / "environment.json").read_text())
    assert {environment["python"], "tiny", "32"} <= settings
    assert f"Split hash {results['split_hash']}" in page


def test_a_run_without_its_environment_is_evaluated_all_the_same(evaluated, tmp_path):
    path = shutil.copytree(evaluated[0], tmp_path / "run")
    (path / "environment.json").unlink()
    evaluate_run(Run.open(path), "val", 0.5, 5)
    assert (path / "evaluation" / "val" / "report.html").is_file()


def test_the_page_comes_last(evaluated, tmp_path, monkeypatch):
    path = shutil.copytree(evaluated[0], tmp_path / "run")
    shutil.rmtree(path / "evaluation")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(module.pages, "write_page", fail)
    with pytest.raises(OSError, match="disk full"):
        evaluate_run(Run.open(path), "test", 0.5, 5)
    names = {each.name for each in (path / "evaluation" / "test").iterdir()}
    assert names == {"metrics.json", "predictions.csv", "mistakes"}


def test_a_part_that_is_not_there_writes_nothing(evaluated, tmp_path):
    path = shutil.copytree(evaluated[0], tmp_path / "run")
    with pytest.raises(UserError, match="No ROI is in the split 'tset'"):
        evaluate_run(Run.open(path), "tset", 0.5, 5)
    assert not (path / "evaluation" / "tset").exists()


class Counting(np.ndarray):
    """Images that note how many of them are read at once."""

    most = 0

    def __getitem__(self, at):
        found = super().__getitem__(at)
        if isinstance(found, np.ndarray) and found.ndim == 3:
            Counting.most = max(Counting.most, len(found))
        return found


def test_never_more_than_a_block_of_the_store_is_read_at_once(
    evaluated, tmp_path, monkeypatch
):
    path = shutil.copytree(evaluated[0], tmp_path / "run")
    (path / "decision.json").unlink()  # It is made again, from training ROIs.
    real = module.load_data_of

    def load(*given):
        data = real(*given)
        counted = {"raw": data.raw.view(Counting), "images": data.images.view(Counting)}
        return dataclasses.replace(data, **counted)

    monkeypatch.setattr(module, "load_data_of", load)
    monkeypatch.setattr(baselines, "_PIXELS", 8 * 32 * 32)
    monkeypatch.setattr(npy_file, "_BLOCK_BYTES", 8 * 32 * 32)
    results = evaluate_run(Run.open(path), "test", "youden", 20)
    assert results == evaluated[1]
    batch = 32  # Of some 106 ROIs to train, 26 to validate and 28 to test.
    assert 8 <= Counting.most <= batch
