from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import OneHotEncoder

from keras_wa.evaluate.audit.metadata import check_metadata
from tests.evaluate.audit.tables import scores_of, table


def follow(labels, share, seed, zero, one):
    """Values that tell the label in `share` of the rows."""
    kept = np.random.default_rng(seed).random(len(labels)) < share
    return [
        one if bool(label) == bool(keep) else zero
        for label, keep in zip(labels, kept, strict=True)
    ]


def test_the_score_is_that_of_a_regression_on_categories_with_missing_as_one():
    cases = table(80, 2)
    words = follow(cases["label"], 0.8, 0, None, "ROUND")
    cases = table(80, 2, morphology=words, distribution=["SINGLE", "MANY"] * 40)
    score = scores_of(check_metadata(cases, 20))["type + distribution"]
    values = cases[["morphology", "distribution"]].astype(object)
    values = values.where(values.notna(), "NA").to_numpy(str)
    train = (cases["split"] == "train").to_numpy()
    labels = cases["label"].to_numpy(int)
    encoder = OneHotEncoder(handle_unknown="ignore").fit(values[train])
    model = LogisticRegression(C=0.5).fit(
        encoder.transform(values[train]), labels[train]
    )
    predicted = model.predict_proba(encoder.transform(values[~train]))[:, 1]
    assert score.auc.value == pytest.approx(roc_auc_score(labels[~train], predicted))


@pytest.mark.parametrize("seed", range(3))
def test_metadata_at_random_are_fine(seed):
    rng = np.random.default_rng(seed)
    cases = table(
        400,
        density=rng.integers(1, 5, 400),
        view=rng.choice(["CC", "MLO"], 400),
        breast=rng.choice(["LEFT", "RIGHT"], 400),
    )
    finding = check_metadata(cases, resamples=200)
    assert finding.verdict in ("ok", "note")
    assert all(score.auc.low < 0.55 for score in finding.scores)


def test_descriptors_are_a_bar_and_no_leak_and_a_view_is_a_warning():
    labels = table(200)["label"]
    finding = check_metadata(
        table(200, assessment=follow(labels, 0.85, 1, 2, 5)), resamples=100
    )
    assert finding.verdict == "note"
    assert "no leak" in finding.advice
    assert "BI-RADS assessment with AUC 0." in finding.sentence
    views = follow(labels, 0.9, 2, "CC", "MLO")
    finding = check_metadata(
        table(200, view=views, breast=["LEFT", "RIGHT"] * 100), resamples=100
    )
    assert finding.verdict == "warning"
    assert "breast + view with AUC" in finding.sentence


def test_without_metadata_or_a_test_part_nothing_is_scored():
    finding = check_metadata(table())
    assert (finding.verdict, finding.scores) == ("ok", [])
    assert "no metadata" in finding.sentence
    finding = check_metadata(table(split=["train"] * 40, density=[1, 2] * 20))
    assert finding.verdict == "not done"
    assert "test part of the split is empty" in finding.sentence


def test_a_single_test_patient_has_no_interval():
    split, labels = ["train"] * 38 + ["test"] * 2, [0, 1] * 20
    cases = table(split=split, label=labels, density=[1, 2] * 20)
    finding = check_metadata(cases, resamples=10)
    assert finding.verdict == "ok"
    assert finding.scores[0].auc is None
