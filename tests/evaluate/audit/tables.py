"""Small case tables for the tests of the audit."""

from __future__ import annotations

import pandas as pd

from keras_wa.data import new_case_table


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
