"""Small case tables and images for the tests of the audit."""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd

from keras_wa.data import new_case_table
from keras_wa.evaluate.audit.findings import CheckResult, Score


def table(n=40, rois_each=2, test_share=0.25, **columns) -> pd.DataFrame:
    """A case table of `n` ROIs; patients alternate in label and stay in one part.

    Args:
        n: number of ROIs.
        rois_each: ROIs of a patient.
        test_share: share of the patients, the last ones, in the test part.
        columns: columns of the table, `n` values each; they replace the others.
    """
    patients = [row // rois_each for row in range(n)]
    first_test = round((1 - test_share) * (n // rois_each))
    values = {
        "roi_id": [f"roi_{row}" for row in range(n)],
        "patient_id": [f"P{patient:03}" for patient in patients],
        "label": [patient % 2 for patient in patients],
        "split": ["test" if each >= first_test else "train" for each in patients],
        **columns,
    }
    return new_case_table(pd.DataFrame(values))


def scores_of(finding: CheckResult) -> dict[str, Score]:
    """The scores of a finding by name."""
    return {score.name: score for score in finding.scores}


def pictures(n, seed=0, size=64) -> np.ndarray:
    """Smooth noise of several scales, no two alike: uint8 `(n, size, size)`, 1..255."""
    rng = np.random.default_rng(seed)
    result = np.empty((n, size, size), np.uint8)
    for row in range(n):
        image = sum(
            scale
            * cv2.resize(
                rng.normal(size=(scale_size, scale_size)).astype(np.float32),
                (size, size),
                interpolation=cv2.INTER_CUBIC,
            )
            for scale, scale_size in ((25, 4), (20, 8), (12, 16), (6, 32))
        )
        result[row] = np.clip(image + 128, 1, 255)
    return result
