from __future__ import annotations

import uuid

import numpy as np
import pytest

from keras_wa.data import load_cases
from keras_wa.evaluate.audit.names import check_names, informative_tokens
from keras_wa.evaluate.audit.path_tokens import PARTS_OF_NAMES, name_tokens
from tests.evaluate.audit.tables import scores_of, table


def named(names, rois_each=2, **columns):
    return table(len(names), rois_each, image_path=names, **columns)


def label_of(row):
    return row // 2 % 2


def random_names(kind, n, seed):
    rng = np.random.default_rng(seed)
    if kind == "uuid":
        return [
            f"{rng.integers(2)}/{uuid.UUID(bytes=rng.bytes(16))}.png" for _ in range(n)
        ]
    if kind == "letters":
        return [f"{rng.choice(list('abcdef'))}{rng.integers(10)}.png" for _ in range(n)]
    # Three hospitals, a patient in one of them.
    sites = rng.choice(["north", "south", "west"], n // 2).repeat(2)
    return [f"{site}/{rng.integers(1000)}.png" for site in sites]


@pytest.mark.parametrize("kind", ["uuid", "letters", "sites"])
@pytest.mark.parametrize("seed", range(5))
def test_random_names_raise_no_alarm(kind, seed):
    finding = check_names(named(random_names(kind, 400, seed)), 100, seed)
    assert finding.verdict == "ok"


@pytest.mark.parametrize("seed", range(3))
def test_names_that_tell_the_patient_tell_nothing(seed):
    names = [f"patient{row // 2:04}_{row % 2}.png" for row in range(200)]
    order = np.random.default_rng(seed).permutation(100)
    cases = named(names, label=[int(order[row // 2] % 2) for row in range(200)])
    assert check_names(cases, 100).verdict == "ok"


def test_a_letter_for_the_source_is_named_with_its_rate():
    rng = np.random.default_rng(0)
    letters = ["u" if label_of(row) and row % 100 < 98 else "f" for row in range(200)]
    names = [f"{rng.integers(10**4):04}{letter}.png" for letter in letters]
    finding = check_names(named(names), 100)
    assert finding.verdict == "warning"
    assert scores_of(finding)["letters in the file name"].auc.low > 0.75
    assert "predict the label well" in finding.sentence
    assert "'u' in letters in the file name" in finding.sentence
    token = next(each for each in finding.details["tokens"] if each["token"] == "u")
    assert token["label_1"] == 1
    assert token["rois"] == letters.count("u")
    assert finding.advice


@pytest.mark.parametrize(
    ("name", "score"),
    [
        (lambda row: f"{'ab'[label_of(row)]}site/{row:05}.png", "folders"),
        (lambda row: f"{row:05}.{['png', 'tif'][label_of(row)]}", "suffix"),
        (lambda row: f"{row:0{5 + label_of(row)}}.png", "form of the file name"),
        (
            lambda row: f"{row:05}_{label_of(row)}.png",
            "single digits in the file name",
        ),
    ],
)
def test_each_part_of_a_name_can_tell(name, score):
    finding = check_names(named([name(row) for row in range(200)]), 50)
    assert finding.verdict == "warning"
    assert scores_of(finding)[score].auc.value > 0.95


def test_the_class_folder_is_not_held_against_a_dataset():
    names = [
        f"{['benign', 'malignant'][label_of(row)]}/{row:05}.png" for row in range(80)
    ]
    pathology = [["BENIGN", "MALIGNANT"][label_of(row)] for row in range(80)]
    finding = check_names(named(names, pathology=pathology), 20)
    assert finding.verdict == "ok"


def test_names_alike_have_nothing_to_tell():
    finding = check_names(named([f"{row:05}.png" for row in range(40)]), 20)
    assert (finding.verdict, finding.scores) == ("ok", [])


def test_too_few_patients():
    finding = check_names(named(["a.png"] * 4, label=[0, 0, 1, 1]), 20)
    assert finding.verdict == "not done"


def test_rare_tokens_are_passed_over():
    # A word of one patient, and one of four ROIs, are names and no shortcuts.
    names = [f"{row:05}.png" for row in range(80)]
    names[:8] = [f"{row:05}anna.png" for row in range(8)]
    names[20:24] = [f"{row:05}bob.png" for row in range(20, 24)]
    cases = named(names, rois_each=8, label=[row // 8 % 2 for row in range(80)])
    tokens = check_names(cases, 20).details["tokens"]
    assert not {"anna", "bob"} & {token["token"] for token in tokens}


def test_telling_tokens_by_hand():
    tokens = name_tokens(["x", "x", "y", "y", "y", "z"], [])
    tokens = tokens[tokens["part"] == "letters"]
    labels = np.array([1, 1, 0, 0, 1, 0])
    found = informative_tokens(tokens, labels, np.array(list("ppqrst")))
    x = found[found["token"] == "x"].iloc[0]
    assert (x["rois"], x["patients"], x["label_1"]) == (2, 1, 1.0)
    assert x["deviation"] == pytest.approx(1.0)
    assert found["deviation"].abs().is_monotonic_decreasing
    assert set(found["part"]) <= set(PARTS_OF_NAMES)


@pytest.mark.shared_data
def test_the_source_letter_of_real_patches(shared_data):
    cases = load_cases(
        "folder", shared_data / "microcalc-patches", r"^(\d+[a-z])"
    ).cases
    finding = check_names(cases, 200)
    assert finding.verdict == "warning"
    letters = scores_of(finding)["letters in the file name"].auc
    assert letters.value == pytest.approx(0.877, abs=0.005)
    assert letters.low > 0.75
    rates = {
        token["token"]: token["label_1"]
        for token in finding.details["tokens"]
        if token["part"] == "letters in the file name"
    }
    assert rates["u"] > 0.95
    assert rates["b"] > 0.95
    assert rates["f"] < 0.05
    assert "'u' in letters in the file name" in finding.sentence
    # The names end in the label itself, too.
    assert scores_of(finding)["form of the file name"].auc.value > 0.99
