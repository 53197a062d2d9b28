"""Writes the files of an evaluation: metrics.json and predictions.csv."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from keras_wa.evaluate.levels import image_ids
from keras_wa.evaluate.results import THREE_CLASS_COLUMNS, check_predictions
from keras_wa.files import replacing, without_nan, write_json
from keras_wa.metrics.arguments import as_labels, as_probabilities


def write_results(
    directory: str | os.PathLike[str],
    results: Mapping[str, Any],
    predictions: pd.DataFrame,
) -> None:
    """Writes `predictions.csv`, then `metrics.json`, each atomically.

    Where `metrics.json` exists, the predictions are complete. Probabilities are written
    with all digits; pandas reads them back exactly with
    `converters={"probability": float}`.

    Args:
        directory: the folder; created if missing, files in it are replaced.
        results: the result of `evaluate_predictions`, possibly with further entries for
            JSON; NaN and infinity become null.
        predictions: the evaluated table. The file has the columns `roi_id, patient_id,
            breast, view, lesion, image, label, probability, prediction` (0 or 1),
            breast, view and lesion empty if unknown, and with three classes `class,
            p_0, p_1, p_2`.

    Raises:
        UserError: a probability is missing or infinite.
        ValueError: the table is malformed.
    """
    check_predictions(predictions)
    known = predictions.reindex(
        columns=["roi_id", "patient_id", "breast", "view", "lesion"]
    ).reset_index(drop=True)
    probability = as_probabilities(predictions["probability"])
    table = known.assign(
        image=image_ids(known),
        label=as_labels(predictions["label"]),
        probability=probability,
        prediction=(probability >= results["threshold"]["value"]).astype(int),
    )
    for name in ("class", *THREE_CLASS_COLUMNS):
        if name in predictions:
            table[name] = predictions[name].to_numpy()
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / "predictions.csv") as partial:
        table.to_csv(partial, index=False, lineterminator="\n")
    write_json(folder / "metrics.json", without_nan(results))
