from __future__ import annotations

import pandas as pd
import pytest
from pydicom.uid import UID

from keras_wa.data.case_table import validate
from keras_wa.data.phantom_tree.phantom_lists import (
    limit_rois,
    phantom_case_lists,
    write_case_lists,
)
from keras_wa.data.readers.cbis_ddsm import find_case_lists, read_case_lists
from keras_wa.data.splits import split_cases
from keras_wa.errors import UserError
from keras_wa.phantom import PhantomSpec, phantom_cases
from tests.data.readers.cbis_ddsm.copies import case_row, write_lists

SPEC = PhantomSpec(seed=5)


def by_name(cases):
    return cases.sort_values("roi_id").reset_index(drop=True)


@pytest.mark.parametrize("lesion", ["calcification", "mass", "all"])
def test_lists_survive_the_way_through_files(lesion, tmp_path):
    cases = phantom_case_lists(SPEC, 90, lesion)
    write_case_lists(cases, tmp_path)
    read = read_case_lists(find_case_lists(tmp_path, lesion))

    assert not read.skipped
    pd.testing.assert_frame_equal(
        by_name(read.cases), by_name(cases), check_dtype=False
    )
    validate(cases[cases["lesion_type"] == cases["lesion_type"].iloc[0]])


def test_calcifications_are_those_of_the_phantom_table():
    cases, drawn = phantom_case_lists(SPEC), phantom_cases(SPEC, 1872)

    for name in ("breast", "view", "morphology", "distribution", "pathology", "split"):
        assert cases[name].fillna("").tolist() == drawn[name].fillna("").tolist()
    assert cases["patient_id"].nunique() == drawn["patient_id"].nunique()


def test_masses_are_other_patients_in_the_official_proportion():
    cases = phantom_case_lists(SPEC, 200, "all")
    counts = cases["lesion_type"].value_counts()
    patients = cases.groupby("lesion_type")["patient_id"].agg(set)

    assert counts["calcification"] == round(200 * 1872 / 3568)
    assert not patients["calcification"] & patients["mass"]
    assert cases["patient_id"].str.fullmatch(r"P_9\d{4}").all()


def test_identifiers_are_valid_and_unique_and_follow_from_the_seed():
    cases = phantom_case_lists(SPEC, 60, "all")
    paths = [cases["crop_listed"], cases["mask_listed"]]
    files = pd.concat([cases["full_listed"].drop_duplicates(), *paths])
    uids = files.str.split("/", expand=True)

    assert files.is_unique
    assert all(UID(uid).is_valid for uid in [*uids[1], *uids[2]])
    # A film and the pair of a crop and its mask have a series each.
    assert uids[2].nunique() == cases["full_listed"].nunique() + len(cases)
    assert phantom_case_lists(SPEC, 60, "all").equals(cases)
    other = phantom_case_lists(PhantomSpec(seed=6), 60, "all")
    assert not set(other["full_listed"]) & set(cases["full_listed"])


@pytest.mark.parametrize(
    ("n", "lesion"), [(5, "calcification"), (7, "mass"), (10, "all"), (24, "all")]
)
def test_a_small_set_has_both_labels_in_both_parts(n, lesion):
    for seed in range(8):
        cases = phantom_case_lists(PhantomSpec(seed=seed), n, lesion)
        kinds = cases.groupby(["lesion_type", "split", "label"])
        assert kinds.ngroups == (8 if lesion == "all" else 4)
        assert cases.groupby("patient_id")["split"].nunique().max() == 1
        assert n - 2 <= len(cases) <= n


@pytest.mark.parametrize("lesion", ["calcification", "mass", "all"])
def test_a_dozen_rois_can_be_trained_on(lesion):
    for seed in range(8):
        cases = split_cases(phantom_case_lists(PhantomSpec(seed=seed), 12, lesion))
        assert cases.groupby(["split", "label"]).ngroups == 6


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((4,), r"`rois`\. Received: 4; expected at least 5"),
        ((9, "all"), r"`rois`\. Received: 9; expected at least 10"),
        ((20, "masses"), "did you mean 'mass'"),
        ((16000,), "at most 5000 patients"),
    ],
)
def test_impossible_sets_are_refused(arguments, told):
    with pytest.raises(UserError, match=told):
        phantom_case_lists(PhantomSpec(seed=1), *arguments)


def test_some_patients_are_whole_and_of_every_list():
    cases = phantom_case_lists(SPEC, 300, "all")
    some = limit_rois(cases, 60)

    assert 50 <= len(some) <= 60
    assert some.groupby(["lesion_type", "split", "label"]).ngroups == 8
    whole = cases[cases["patient_id"].isin(set(some["patient_id"]))]
    assert some["roi_id"].tolist() == whole["roi_id"].tolist()
    share = (some["split"] == "test").mean()
    assert 0.08 < share < 0.35


def test_too_few_rois_for_every_list_are_refused():
    cases = phantom_case_lists(SPEC, 300, "all")
    with pytest.raises(UserError, match=r"`rois`\. Received: 2, which leaves no ROI"):
        limit_rois(cases, 2)


ROWS = [
    case_row(number=2, subtlety="0", **{"calc distribution": "NA"}),
    case_row(part="test", patient="P_00002", **{"breast density": "0"}),
    case_row("mass", patient="P_00009", two_series=True),
    case_row("mass", part="test", **{"mass margins": "NA"}),
]


def test_what_was_written_reads_as_what_was_read(tmp_path):
    write_lists(tmp_path, ROWS)
    cases = read_case_lists(find_case_lists(tmp_path)).cases
    copy = tmp_path / "copy"
    copy.mkdir()
    paths = write_case_lists(cases, copy)
    again = read_case_lists(paths)

    assert paths == find_case_lists(copy)
    pd.testing.assert_frame_equal(again.cases, cases)
    assert not again.skipped


def test_only_lists_with_cases_are_written(tmp_path):
    write_lists(tmp_path, ROWS)
    cases = read_case_lists(find_case_lists(tmp_path)).cases
    (tmp_path / "copy").mkdir()
    write_case_lists(cases[cases["lesion_type"] == "mass"], tmp_path / "copy")

    names = sorted(path.name for path in (tmp_path / "copy").iterdir())
    assert names == [
        "mass_case_description_test_set.csv",
        "mass_case_description_train_set.csv",
    ]


@pytest.mark.shared_data
def test_official_lists_are_written_byte_by_byte(shared_data, tmp_path):
    paths = find_case_lists(shared_data / "cbis-ddsm-csv")
    written = write_case_lists(read_case_lists(paths).cases, tmp_path)

    assert len(written) == 4
    for old, new in zip(paths, written, strict=True):
        assert old.name == new.name
        assert old.read_bytes() == new.read_bytes()
