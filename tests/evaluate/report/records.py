"""Small evaluations with everything in them that is hard to show."""

from __future__ import annotations

import copy
import functools
from typing import Any

import numpy as np
import pandas as pd

from keras_wa.evaluate import evaluate_predictions
from keras_wa.evaluate.report.mistakes import Mistake, Mistakes
from keras_wa.evaluate.report.report import render_report
from keras_wa.metrics import PredictionSets
from keras_wa.training.config import TrainConfig
from tests.evaluate.tables import predictions, with_cases

HOSTILE = '<script>alert("ä & 乳")</script>'


def table(**options: Any) -> pd.DataFrame:
    """Predictions with case columns; one type is always benign, one is markup."""
    found = with_cases(predictions(**options))
    found.loc[[0, 1], "morphology"] = HOSTILE
    found.loc[found["label"] == 0, "distribution"] = "DIFFUSE"
    return found


def results(cases: pd.DataFrame | None = None, **changes: Any) -> dict[str, Any]:
    """What `metrics.json` holds of `cases`, by default of `table`, with changes."""
    found = copy.deepcopy(_whole()) if cases is None else _evaluated(cases)
    number = {"value": 0.52, "low": 0.45, "high": 0.6}
    extra = {
        "split": "test",
        "split_hash": "0123456789ab",
        "split_origin": "drawn by patient (seed 3)",
        "dataset": "folder",
        "model": "tiny",
        "notes": [],
        "one_number_auc": {"mean": number, "max_minus_median": {**number, "low": 0.4}},
    }
    return {**found, **extra, **changes}


@functools.cache  # It takes a second, and most tests want the same.
def _whole() -> dict[str, Any]:
    return _evaluated(table())


def _evaluated(cases: pd.DataFrame) -> dict[str, Any]:
    return evaluate_predictions(
        cases,
        0.5,
        "youden on validation",
        n_resamples=50,
        val_predictions=table(seed=1),
        prediction_sets=PredictionSets(0.9, 0.6, 0.4, 60, 40),
        learning_cases=table(seed=2),
    )


def config(**changes: Any) -> dict[str, Any]:
    """Settings of a run."""
    return {**TrainConfig(dataset="folder").to_mapping(), **changes}


def mistakes() -> Mistakes:
    """Two of each kind, one with markup for a name."""
    picture = np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)
    heat = np.stack([picture, picture // 2, picture // 3], axis=-1)
    pictures = {"ROI": picture, "heat": heat}
    found = [
        Mistake(name, "p1", i % 2, 0.25, {"view": HOSTILE}, pictures)
        for i, name in enumerate(["a", HOSTILE, "c", "d"])
    ]
    return Mistakes(found[:2], found[2:], "There are no heat maps. " + HOSTILE)


def page(
    found: dict[str, Any] | None = None,
    cases: pd.DataFrame | None = None,
    shown: Mistakes | None = None,
    **settings: Any,
) -> str:
    """The page of an evaluation of a run with these settings."""
    cases = table() if cases is None else cases
    parts = cases.assign(split=np.where(np.arange(len(cases)) % 2, "train", "test"))
    return render_report(
        results() if found is None else found,
        cases,
        mistakes() if shown is None else shown,
        parts,
        config(data_dir=HOSTILE, **settings),
        {"command": ["train.py", HOSTILE], "packages": {"keras": "3"}},
    )
