from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from keras_wa.errors import UserError
from keras_wa.phantom import PhantomSpec, best_possible_auc, phantom_cases
from keras_wa.phantom.rates import (
    joint_counts,
    kinds,
    malignancy_rate,
    other_counts,
)

CLINICAL = PhantomSpec(labelling="clinical")
RENAMED = {
    "breast density": "density",
    "left or right breast": "breast",
    "image view": "view",
    "abnormality id": "lesion",
    "calc type": "morphology",
    "calc distribution": "distribution",
}


def counted(**fixed):
    """(malignant ROIs, ROIs) with a known density in the official lists."""
    table = joint_counts()
    table = table[table["density"] > 0]
    for name, value in fixed.items():
        table = table[table[name] == value]
    hits = table[table["pathology"] == "MALIGNANT"]["count"].sum()
    return hits, table["count"].sum()


def rates_of(cases):
    pairs = zip(cases["morphology"], cases["distribution"].fillna(""), strict=True)
    return np.array([malignancy_rate(*pair) for pair in pairs])


def test_rate_is_shrunk_towards_the_type_and_its_group():
    table = joint_counts()
    table = table[(table["density"] > 0) & (table["morphology"] != "")]
    group = table[table["morphology"].str.contains("AMORPH|PLEOM|BRANCH")]
    malignant = group[group["pathology"] == "MALIGNANT"]["count"].sum()
    group_rate = malignant / group["count"].sum()
    hits, total = counted(morphology="AMORPHOUS")
    type_rate = (hits + 4 * group_rate) / (total + 4)
    hits, total = counted(morphology="AMORPHOUS", distribution="LINEAR")

    expected = (hits + 4 * type_rate) / (total + 4)
    assert malignancy_rate("AMORPHOUS", "LINEAR") == pytest.approx(expected)


def test_no_kind_is_certain():
    rates = kinds()["malignant"]

    assert rates.min() > 0
    assert rates.max() < 1


def test_kinds_hold_every_roi_whose_type_and_density_are_known():
    table = joint_counts()
    known = table[(table["density"] > 0) & (table["morphology"] != "")]

    assert kinds()["count"].sum() == known["count"].sum() == 1846


def test_unknown_kind_is_refused():
    with pytest.raises(UserError, match="distribution='SPIRAL'"):
        malignancy_rate("COARSE", "SPIRAL")


def test_descriptor_labels_can_be_told_perfectly():
    assert best_possible_auc(PhantomSpec()) == 1.0


def test_best_clinical_auc_equals_a_monte_carlo_of_the_bayes_score():
    table = kinds()
    rng = np.random.default_rng(0)
    drawn = rng.choice(len(table), 200_000, p=table["count"] / table["count"].sum())
    rate = table["malignant"].to_numpy()[drawn]
    labels = rng.random(len(rate)) < rate

    # The standard error of the AUC at this size is 0.001.
    assert best_possible_auc(CLINICAL) == pytest.approx(
        roc_auc_score(labels, rate), abs=0.004
    )


def test_best_clinical_auc_of_given_cases_equals_the_sum_over_all_pairs():
    cases = phantom_cases(CLINICAL, 150)
    rate = rates_of(cases)
    pair = rate[:, None] * (1 - rate[None, :])
    above = (rate[:, None] > rate[None, :]) + 0.5 * (rate[:, None] == rate[None, :])

    expected = (pair * above).sum() / pair.sum()
    assert best_possible_auc(CLINICAL, cases) == pytest.approx(expected)


def test_labels_drawn_in_the_case_table_reach_the_best_auc():
    cases = phantom_cases(CLINICAL, 20_000, epoch=1)

    reached = roc_auc_score(cases["label"], rates_of(cases))
    assert reached == pytest.approx(best_possible_auc(CLINICAL, cases), abs=0.015)
    assert 0.7 < best_possible_auc(CLINICAL) < 0.9


def test_embedded_counts_have_the_published_totals():
    counts = joint_counts()

    assert counts["count"].sum() == 1546 + 326
    by_pathology = counts.groupby("pathology")["count"].sum().to_dict()
    assert by_pathology == {
        "BENIGN": 528 + 130,
        "BENIGN_WITHOUT_CALLBACK": 474 + 67,
        "MALIGNANT": 544 + 129,
    }
    # Each patient with n ROIs adds n to the count of the ROIs whose patient has n.
    per_size = counts.groupby("rois_per_patient")["count"].sum()
    assert (per_size / per_size.index).sum() == 602 + 151


def count(cases: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    return cases.groupby(columns).size().rename("count").reset_index()


def count_other(cases: pd.DataFrame) -> pd.DataFrame:
    cases = cases.assign(kind=cases["morphology"] + "|" + cases["distribution"])
    lesions = (
        cases.sort_values(["patient_id", "breast", "lesion", "view"])
        .groupby(["patient_id", "breast", "lesion"], as_index=False)
        .agg(view=("view", "+".join), kind=("kind", "first"))
    )
    rois = lesions["patient_id"].map(cases["patient_id"].value_counts()).astype(str)
    further = lesions.duplicated("patient_id")

    def same(column: str) -> pd.Series:
        first = lesions.groupby("patient_id")[column].transform("first")
        return (lesions[column] == first)[further].map({True: "yes", False: "no"})

    parts = []
    for table, given, value in (
        ("assessment", cases["pathology"], cases["assessment"]),
        ("subtlety", "", cases["subtlety"]),
        ("breast", "", cases["breast"]),
        ("views", rois, lesions["view"]),
        ("same_kind", "", same("kind")),
        ("same_breast", "", same("breast")),
    ):
        frame = pd.DataFrame({"table": table, "value": value.astype(str)})
        columns = ["table", "given", "value"]
        parts.append(count(frame.assign(given=given), columns))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.shared_data
def test_embedded_counts_equal_those_of_the_official_lists(shared_data):
    folder = shared_data / "cbis-ddsm-csv"
    cases = pd.concat(
        pd.read_csv(folder / f"calc_case_description_{part}_set.csv")
        for part in ("train", "test")
    ).rename(columns=RENAMED)
    cases = cases.fillna({"morphology": "", "distribution": ""}).assign(
        rois_per_patient=cases.groupby("patient_id")["view"].transform("size")
    )
    joint = count(cases, list(joint_counts().columns[:-1]))

    pd.testing.assert_frame_equal(joint, joint_counts(), check_dtype=False)
    pd.testing.assert_frame_equal(count_other(cases), other_counts(), check_dtype=False)
