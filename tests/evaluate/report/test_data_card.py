"""The card counts patients, and says of a data set what its page says."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from keras_wa.data.facts import FACTS
from keras_wa.data.registry import DATASETS
from keras_wa.evaluate.report.data_card import data_card

DATA = Path(__file__).resolve().parents[3] / "data"


def test_the_counts_are_those_of_each_part():
    cases = pd.DataFrame(
        {
            "split": ["test", "train", "train", "train"],
            "patient_id": ["p3", "p1", "p1", "p2"],
            "label": [1, 0, 0, 1],
        }
    )
    card = data_card("folder", cases)
    assert card.counts == [
        ["train", "3", "2", "1", "33.3 %"],
        ["test", "1", "1", "1", "100.0 %"],
        ["all", "4", "3", "2", "50.0 %"],
    ]
    assert "origin" in card.facts


@pytest.mark.parametrize("name", sorted(set(FACTS) - {"phantom"}))
def test_the_licence_is_that_of_the_data_sets_own_page(name):
    assert FACTS[name]["licence"] in (DATA / f"{name}.md").read_text(encoding="utf-8")


def test_every_published_data_set_has_its_facts():
    assert set(DATASETS) - set(FACTS) == {"folder", "csv"}
