"""What is said of a data set is what its page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from keras_wa.data.facts import FACTS, facts_of
from keras_wa.data.registry import DATASETS

DATA = Path(__file__).resolve().parents[2] / "data"


@pytest.mark.parametrize("name", sorted(set(FACTS) - {"phantom"}))
def test_the_licence_is_that_of_the_data_sets_own_page(name):
    assert FACTS[name]["licence"] in (DATA / f"{name}.md").read_text(encoding="utf-8")


def test_every_published_data_set_has_its_facts():
    assert set(DATASETS) - set(FACTS) == {"folder", "csv"}
    assert "origin" in facts_of("folder")
