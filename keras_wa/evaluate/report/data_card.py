"""A short description of the data that a model was trained and evaluated on."""

from __future__ import annotations

import dataclasses

import pandas as pd

from keras_wa.data.case_table import PARTS
from keras_wa.data.facts import facts_of
from keras_wa.evaluate.text import share


@dataclasses.dataclass(frozen=True)
class DataCard:
    """Description of a dataset.

    Attributes:
        facts: origin, licence and meaning of the label, as far as known.
        counts: a row for each part and one for all, with part, ROIs, patients,
            malignant, share.
    """

    facts: dict[str, str]
    counts: list[list[str]]


def data_card(dataset: str, cases: pd.DataFrame) -> DataCard:
    """Describes the data of a run.

    Args:
        dataset: name of the dataset in the registry.
        cases: all ROIs with `split`, `patient_id` and `label`.
    """
    parts = [(name, cases[cases["split"] == name]) for name in PARTS]
    counts = [
        [
            name,
            f"{len(part):,}",
            f"{part['patient_id'].nunique():,}",
            f"{int(part['label'].sum()):,}",
            share(int(part["label"].sum()), len(part)),
        ]
        for name, part in [*parts, ("all", cases)]
        if len(part)
    ]
    return DataCard(facts_of(dataset), counts)
