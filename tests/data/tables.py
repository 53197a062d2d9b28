"""Small case tables for the tests."""

from __future__ import annotations

import numpy as np
import pandas as pd

from keras_wa.data.case_table import new_case_table


def random_cases(patients: int, seed: int, test_share: float = 0.0) -> pd.DataFrame:
    """Patients with 1 to 6 ROIs; most have one label, some both."""
    rng = np.random.default_rng(seed)
    rows = []
    for patient in range(patients):
        # The first ones are fixed, so that each part has both labels.
        label = patient % 2 if patient < 12 else int(rng.random() < 0.4)
        part = "test" if rng.random() < test_share else "train"
        for _ in range(rng.integers(1, 7)):
            mixed = rng.random() < 0.05
            rows.append(
                {
                    "roi_id": f"roi{len(rows):04d}",
                    "patient_id": f"p{patient:03d}",
                    "label": 1 - label if mixed else label,
                    "split": part,
                }
            )
    return new_case_table(rows)
