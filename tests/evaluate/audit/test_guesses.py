from __future__ import annotations

import math

import numpy as np
import pytest

from keras_wa.evaluate.audit.findings import Score
from keras_wa.evaluate.audit.guesses import (
    defined,
    learning_and_test,
    score_probabilities,
    why_not_held_out,
)
from keras_wa.metrics import Estimate, cluster_bootstrap
from tests.evaluate.audit.tables import table


def test_validation_is_learnt_from():
    cases = table(4, 1, split=["train", "val", "test", "train"])
    learning, test = learning_and_test(cases)
    assert learning.tolist() == [True, True, False, True]
    assert test.tolist() == [False, False, True, False]


@pytest.mark.parametrize(
    ("split", "reason"),
    [
        (["train"] * 4, "the test part of the split is empty"),
        (["test"] * 4, "the training part of the split is empty"),
        (["train", "train", "train", "test"], "the test part of the split holds one"),
        (["train", "test", "test", "test"], "the training part of the split holds one"),
    ],
)
def test_what_cannot_be_held_out(split, reason):
    assert why_not_held_out(table(4, 1, split=split)).startswith(reason)
    assert why_not_held_out(table()) is None


def test_an_undefined_interval_is_none():
    assert defined(Estimate(0.5, math.nan, math.nan)) is None
    assert defined(Estimate(math.nan, 0.1, 0.2)) is None
    assert defined(Estimate(0.5, 0.4, 0.6)).high == 0.6


def test_the_score_is_that_of_the_bootstrap_by_patient():
    p, patients = np.random.default_rng(0).random(30), np.arange(30) // 3
    score = score_probabilities("x", np.arange(30) % 2, p, patients, 50, 7, "how")
    found = cluster_bootstrap(np.arange(30) % 2, p, patients, 0.5, 50, seed=7)
    assert score == Score("x", found["auc"], found["accuracy"], "how")
