"""No patient in two parts, ever; the draw is seeded, stratified, order-free."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest

from keras_wa.data.case_table import new_case_table
from keras_wa.data.splits import (
    SPLITS,
    check_split,
    drawn_split,
    patient_kfold,
    split_cases,
    split_hash,
    split_origin,
    split_test,
    split_validation,
)
from keras_wa.errors import UserError
from tests.data.tables import random_cases

# Drawn with scikit-learn 1.5.2 and 1.9.1, numpy 2.0.2 and 2.4.6, pandas 2.2.3 and
# 3.1.1. If this changes, results on the same seed can no longer be compared.
GOLDEN_VALIDATION = {"p05", "p08", "p11", "p18"}


def parts_of_patients(cases: pd.DataFrame) -> dict[str, set[str]]:
    """The parts of each patient, counted without pandas."""
    parts: dict[str, set[str]] = {}
    for patient, part in zip(cases["patient_id"], cases["split"], strict=True):
        parts.setdefault(patient, set()).add(part)
    return parts


@pytest.mark.parametrize("how", ["official", "patient-kfold"])
@pytest.mark.parametrize("seed", range(5))
def test_no_patient_is_in_two_parts(how, seed):
    cases = split_cases(random_cases(60, seed, test_share=0.2), how, seed)
    assert all(len(parts) == 1 for parts in parts_of_patients(cases).values())
    assert set(cases["split"]) == {"train", "val", "test"}


def test_the_official_test_part_is_kept():
    cases = random_cases(60, 0, test_share=0.2)
    result = split_cases(cases, "official")
    assert list(result["split"] == "test") == list(cases["split"] == "test")
    assert "val" not in set(cases["split"])


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("official", "drawn by patient (seed 2)"),
        ("patient-kfold", "patient-kfold, test fold 1 of 0 to 3 (seed 7)"),
        ("random-roi", "random-roi (seed 7)"),
        ("augmented-first", "augmented-first (seed 7)"),
    ],
)
def test_a_split_is_called_what_it_is_with_its_seed(how, expected):
    assert split_origin(how, drawn_split(2), seed=7, k=4, fold=1) == expected


def test_an_official_validation_part_is_kept():
    cases = split_validation(random_cases(60, 0, test_share=0.2), seed=3)
    pd.testing.assert_frame_equal(split_cases(cases, "official", seed=4), cases)


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.25, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_the_part_held_out_has_the_share_and_the_prevalence_asked_for(fraction, seed):
    cases = random_cases(120, seed)
    for part, split in (("val", split_validation), ("test", split_test)):
        held = split(cases, fraction, seed)["split"] == part
        assert abs(held.mean() - fraction) < 0.03
        assert abs(cases["label"][held].mean() - cases["label"].mean()) < 0.06


def test_a_seed_gives_the_same_split_and_another_seed_another():
    cases = random_cases(60, 0, test_share=0.2)
    for how in SPLITS:
        first = split_cases(cases, how, seed=1)["split"].tolist()
        assert split_cases(cases, how, seed=1)["split"].tolist() == first
        assert split_cases(cases, how, seed=2)["split"].tolist() != first


def test_the_split_by_patient_does_not_depend_on_the_order_of_rows():
    cases = random_cases(60, 0, test_share=0.2)
    shuffled = cases.sample(frac=1, random_state=7).reset_index(drop=True)
    for how in ("official", "patient-kfold"):
        one = split_cases(cases, how).set_index("roi_id")["split"]
        two = split_cases(shuffled, how).set_index("roi_id")["split"]
        pd.testing.assert_series_equal(one, two.loc[one.index])


def test_the_largest_patient_may_be_in_any_part():
    cases = pd.concat([random_cases(40, 0), table(*[("big", 1, "train")] * 20)])
    cases["roi_id"] = [str(index) for index in range(len(cases))]
    cases = new_case_table(cases)
    big = cases["patient_id"] == "big"
    tested = [patient_kfold(cases, 4, 0, s)["split"][big].iloc[0] for s in range(16)]
    assert set(tested) == {"train", "test"}


def test_a_split_is_the_same_for_every_version_of_the_libraries():
    rows = [
        (f"p{patient:02d}", patient % 2, "test" if patient % 5 == 4 else "train")
        for patient in range(25)
        for _ in range(patient % 4 + 1)
    ]
    result = split_cases(table(*rows), "official", seed=0)
    assert set(result["patient_id"][result["split"] == "val"]) == GOLDEN_VALIDATION


def test_only_the_split_column_changes():
    cases = random_cases(60, 0, test_share=0.2)
    before = cases.copy()
    for how in SPLITS:
        result = split_cases(cases, how)
        pd.testing.assert_frame_equal(cases, before)
        if how == "augmented-first":
            continue  # It has rows of its own.
        pd.testing.assert_frame_equal(
            result.drop(columns="split"), cases.drop(columns="split")
        )
        assert result["split"].dtype == cases["split"].dtype


def test_each_patient_is_tested_in_just_one_fold_and_folds_are_alike():
    cases = random_cases(120, 1)
    tested = np.zeros(len(cases), int)
    for fold in range(4):
        held = patient_kfold(cases, 4, fold, seed=3)["split"] == "test"
        tested += held.to_numpy()
        assert abs(held.mean() - 0.25) < 0.03
        assert abs(cases["label"][held].mean() - cases["label"].mean()) < 0.06
    assert (tested == 1).all()


def test_random_roi_tears_patients_apart():
    cases = random_cases(60, 0, test_share=0.2)
    result = split_cases(cases, "random-roi")
    torn = [parts for parts in parts_of_patients(result).values() if len(parts) > 1]
    assert len(torn) > 20
    share = (cases["split"] == "test").mean()
    assert abs((result["split"] == "test").mean() - share) < 0.01
    for part in ("train", "val", "test"):
        labels = result.loc[result["split"] == part, "label"]
        assert abs(labels.mean() - cases["label"].mean()) < 0.02


def test_random_roi_of_a_set_without_a_test_part_tests_on_a_fifth():
    result = split_cases(random_cases(60, 0), "random-roi")
    assert abs((result["split"] == "test").mean() - 0.2) < 0.01


def test_two_patients_of_each_label_are_enough_for_validation():
    cases = new_case_table(
        {"roi_id": f"r{i}", "patient_id": f"p{i}", "label": i % 2, "split": "train"}
        for i in range(4)
    )
    result = split_validation(cases)
    for part in ("train", "val"):
        assert sorted(result.loc[result["split"] == part, "label"]) == [0, 1]


def table(*rows: tuple[str, int, str]) -> pd.DataFrame:
    return new_case_table(
        {"roi_id": f"r{i}", "patient_id": patient, "label": label, "split": part}
        for i, (patient, label, part) in enumerate(rows)
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: split_validation(
                table(("a", 0, "train"), ("b", 0, "train"), ("c", 1, "train"))
            ),
            "Received: 1 of one label; expected at least 2 patients",
        ),
        (
            lambda: split_validation(
                table(
                    *[("a", 0, "train"), ("a", 1, "train"), ("a", 1, "train")],
                    *[("b", 0, "train")] * 3,
                    *[("c", 1, "train")] * 6,
                )
            ),
            "No split of the patients into 'train' and 'val' was found",
        ),
        (lambda: split_validation(random_cases(60, 0), 0.7), "Received: 0.7; expected"),
        (lambda: split_validation(random_cases(60, 0), 0.0), "Received: 0.0; expected"),
        (lambda: patient_kfold(random_cases(60, 0), 1), "Received: fold 0 of 1"),
        (lambda: patient_kfold(random_cases(60, 0), 5, 5), "Received: fold 5 of 5"),
        (lambda: patient_kfold(random_cases(14, 0), 13), "Received: k=13; expected at"),
        (lambda: split_cases(random_cases(60, 0), "oficial"), "mean 'official'"),
        (
            lambda: split_cases(
                table(("a", 0, "train"), ("b", 1, "train")), "random-roi"
            ),
            "Too few ROIs for the 'test' part",
        ),
        (
            lambda: split_cases(table(("a", 0, "train"), ("a", 1, "test"))),
            "patient 'a' in test and train",
        ),
    ],
)
def test_what_cannot_be_split_is_a_user_error(call, message):
    with pytest.raises(UserError, match=message):
        call()


@pytest.mark.parametrize(
    ("cases", "message"),
    [
        (
            table(("a", 0, "train"), ("b", 0, "train")),
            "'train'.*only label 0 in 2 ROIs",
        ),
        (table(("a", 0, "test"), ("b", 1, "test")), "'train' .*Received: no ROI"),
        (
            table(("a", 0, "train"), ("b", 1, "train"), ("c", 1, "val")),
            "'val' .*only label 1",
        ),
    ],
)
def test_a_part_with_one_label_is_a_user_error(cases, message):
    with pytest.raises(UserError, match=message):
        check_split(cases)


def test_the_name_of_a_split_follows_from_who_is_where():
    cases = split_cases(random_cases(60, 0, test_share=0.2))
    name = split_hash(cases)
    assert split_hash(cases.sample(frac=1, random_state=0)) == name
    assert split_hash(cases.assign(view="CC")) == name
    assert split_hash(split_cases(cases, "patient-kfold", seed=1)) != name
    relabelled = cases.assign(
        label=cases["label"].where(cases.index > 0, 1 - cases["label"])
    )
    assert split_hash(relabelled) != name


def test_the_name_of_a_small_split_by_hand():
    cases = new_case_table(
        [
            {"roi_id": "b", "patient_id": "p2", "label": 1, "split": "test"},
            {"roi_id": "a", "patient_id": "p1", "label": 0, "split": "train"},
        ]
    )
    text = b"a,p1,0,train\nb,p2,1,test"
    assert split_hash(cases) == hashlib.sha256(text).hexdigest()[:12]
