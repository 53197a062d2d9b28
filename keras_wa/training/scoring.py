"""Predicting the probabilities of one part of a run's split."""

from __future__ import annotations

import keras
import pandas as pd

from keras_wa.data.columns import CASE_COLUMNS
from keras_wa.data.lesions import lesion_numbers, name_unknown_lesions
from keras_wa.data.pipeline.batches import evaluation_batches
from keras_wa.metrics.fusion import fuse_views
from keras_wa.training.callbacks import class_probabilities, malignant
from keras_wa.training.data import RunData


def score(
    model: keras.Model, data: RunData, split: str, verbose: int = 0
) -> pd.DataFrame:
    """Predicts every ROI of a part.

    With `views="two"` an ROI has the probability of its lesion, from all of the
    lesion's ROIs in that part. One whose lesion is unknown is a separate lesion.

    Args:
        model: a classifier with output `(batch, classes)`.
        data: the run's ROIs.
        split: `train`, `val` or `test`.
        verbose: as in `keras.Model.predict`.

    Returns:
        One row per ROI: `roi_id, patient_id, label`, the case table's `CASE_COLUMNS`
        and `probability` (of malignant). With three classes also `class`, its index,
        and `p_0, p_1, p_2`, the probability of each class; `p_2` is `probability`.

    Raises:
        UserError: the part is empty.
    """
    cases = data.require_cases_of(split)
    rois = data.part(split)
    batches = evaluation_batches(rois, data.config.image_size, wavelet=data.wavelet)
    outputs = model.predict(batches, verbose=verbose)[: len(rois)]
    lesions = data.lesions_of(split)
    if lesions is not None:
        outputs = fuse_views(outputs, lesions)
    table = cases[["roi_id", "patient_id", "label", *CASE_COLUMNS]].copy()
    part = data.cases["split"].to_numpy() == split
    table["lesion"] = lesion_numbers(data.cases)[part].reset_index(drop=True)
    if lesions is not None:
        # An ROI whose lesion is unknown was not fused with others.
        table["lesion"] = name_unknown_lesions(table["lesion"], table["roi_id"])
    table["probability"] = malignant(outputs)
    if data.config.classes > 2:
        table["class"] = rois.labels
        for index, column in enumerate(class_probabilities(outputs).T):
            table[f"p_{index}"] = column
    return table
