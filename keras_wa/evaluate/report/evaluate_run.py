"""Evaluates a trained run and writes the files."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from keras_wa.data import split_hash
from keras_wa.data.pipeline.digests import pixels_hash
from keras_wa.evaluate import evaluate_predictions, pages, write_results
from keras_wa.evaluate.report.mistakes import show_mistakes, write_mistakes
from keras_wa.evaluate.report.report import render_report
from keras_wa.files import without_nan
from keras_wa.metrics import choose_threshold
from keras_wa.metrics.baselines import single_feature_aucs
from keras_wa.phantom import best_possible_auc
from keras_wa.training.best import load_best
from keras_wa.training.data import RunData, load_data_of
from keras_wa.training.decision import (
    Decision,
    decide,
    read_decision,
    rule_name,
    write_decision,
)
from keras_wa.training.mlflow_logging import log_evaluation
from keras_wa.training.run import Run
from keras_wa.training.scoring import score


def evaluate_run(
    run: Run,
    split: str = "test",
    rule: str | float | None = None,
    n_resamples: int = 2000,
    verbose: int = 0,
    allow_changed_data: bool = False,
) -> dict[str, Any]:
    """Evaluates a run's best model on a part of its split and writes the results.

    Writes `predictions.csv`, `metrics.json`, `mistakes/` (a record and images) and
    `report.html` into `evaluation/<split>/` of the run, in this order and each
    atomically: where the report exists, the others do too. The same run gives the same
    bytes.

    Args:
        run: a run with a best model.
        split: `train`, `val` or `test`.
        rule: rule to choose the threshold on validation, see `choose_threshold`, or the
            threshold itself; None for the threshold of the run's decision. With another
            one, the results have a note.
        n_resamples: number of resamples of the patients.
        verbose: 1 for a progress bar, 0 for none.
        allow_changed_data: continue, with a note in the results, if ROIs have other
            pixels than in training.

    Returns:
        The content of `metrics.json`.

    Raises:
        UserError: no epoch was completed, the data have changed, the part is empty, or
            the threshold cannot be chosen with this rule.
    """
    model = load_best(run)
    data = load_data_of(run, allow_changed_data)
    val = score(model, data, "val")
    predictions = score(model, data, split, verbose=verbose)
    pixels = dict(zip(data.cases["roi_id"], data.pixels, strict=True))
    decision = read_decision(run)
    # Not from changed data, since the decision file has no place for a note.
    if decision is None and run.pixels() == pixels:
        decision = decide(model, data)
        write_decision(run, decision)
    if rule is None and decision is not None:
        threshold, how = decision.threshold, decision.rule
    else:
        rule = "youden" if rule is None else rule
        threshold = choose_threshold(val["label"], val["probability"], rule)
        how = rule_name(rule)
    # Never from the test part, nor from the evaluated part.
    learning = ~data.cases["split"].isin([split, "test"])
    results = evaluate_predictions(
        predictions,
        threshold,
        how,
        n_resamples=n_resamples,
        val_predictions=val,
        prediction_sets=None if decision is None else decision.prediction_sets,
        learning_cases=data.cases[learning],
        best_possible_auc=(
            best_possible_auc(run.config.phantom_spec(), predictions)
            if run.config.dataset == "phantom"
            else None
        ),
    )
    results |= {
        "split": split,
        "split_hash": split_hash(data.cases),
        "split_origin": data.split_origin,
        "pixels_hash": _pixels_hash(data, split),
        "dataset": run.config.dataset,
        "model": run.config.model_title,
        "notes": [*data.notes, *_other_threshold(threshold, how, decision)],
        "one_number_auc": _one_number(data, split, n_resamples),
    }
    mistakes = show_mistakes(model, data, split, predictions, threshold)
    page = render_report(
        results,
        predictions,
        mistakes,
        data.cases,
        {
            **run.config.to_mapping(),
            # The object may be older than what `train` recorded.
            "custom": Run.open(run.path).config.custom,
            "split": data.split_origin,
        },
        run.environment(),
    )
    folder = run.evaluation(split)
    write_results(folder, results, predictions)
    write_mistakes(mistakes, folder)
    pages.write_page(page, folder / "report.html")
    log_evaluation(run, results)
    return results


def _other_threshold(
    threshold: float, rule: str, decision: Decision | None
) -> list[str]:
    """Returns a note if the threshold is not that of the run's decision."""
    if decision is None or decision.threshold == threshold:
        return []
    return [
        f"These results are at the threshold {threshold:.3f} ({rule}). predict, serve "
        f"and the SavedModel use that of the run, {decision.threshold:.3f} "
        f"({decision.rule})."
    ]


def _pixels_hash(data: RunData, split: str) -> str:
    part = data.cases["split"].eq(split)
    return pixels_hash(data.cases["roi_id"][part], np.array(data.pixels)[part])


def _one_number(
    data: RunData, split: str, n_resamples: int
) -> dict[str, dict[str, float | None]]:
    """Returns the AUCs of the single-feature baselines, their sign from training."""
    cases: pd.DataFrame = data.cases
    train, part = (cases["split"].eq(name).to_numpy() for name in ("train", split))
    labels = cases["label"].to_numpy(int)
    aucs = single_feature_aucs(
        data.raw_part("train"),
        labels[train],
        data.raw_part(split),
        labels[part],
        cases["patient_id"][part],
        n_resamples=n_resamples,
    )
    return dict(without_nan({name: auc.to_record() for name, auc in aucs.items()}))
