from __future__ import annotations

import pandas as pd
import pytest

from keras_wa.errors import UserError
from keras_wa.phantom import PhantomSpec, phantom_cases
from keras_wa.phantom.cases import CASE_COLUMNS
from keras_wa.phantom.rates import joint_counts, other_counts

PIXEL_COLUMNS = ["roi_id", "patient_id", "breast", "view", "lesion", "density"]
PIXEL_COLUMNS += ["subtlety", "morphology", "distribution"]


@pytest.fixture(scope="module")
def cases():
    return phantom_cases(PhantomSpec())


@pytest.fixture(scope="module")
def many():
    return phantom_cases(PhantomSpec(labelling="clinical"), 16_000)


def test_table_has_the_columns_of_the_contract(cases):
    assert tuple(cases.columns) == CASE_COLUMNS
    assert len(cases) == 1872
    assert cases["roi_id"].is_unique
    paths = cases[["image_path", "crop_path", "mask_path"]]
    assert paths.isna().all(axis=None)
    others = cases.drop(columns=[*paths.columns, "distribution"])
    assert others.notna().all(axis=None)


def test_split_is_official_in_size_and_by_patient(cases):
    assert cases["split"].value_counts().to_dict() == {"train": 1546, "test": 326}
    assert cases.groupby("patient_id")["split"].nunique().max() == 1


@pytest.mark.parametrize("n", [2, 10, 57, 400, 3000])
def test_split_keeps_the_official_proportion_at_any_size(n):
    parts = phantom_cases(PhantomSpec(seed=5), n)["split"]

    assert len(parts) == n
    assert abs((parts == "test").sum() - n * 326 / 1872) <= 1


def test_more_rois_keep_the_first_ones(cases):
    few = phantom_cases(PhantomSpec(), 300)

    pd.testing.assert_frame_equal(
        few.drop(columns="split"), cases[:300].drop(columns="split")
    )


def test_epochs_and_seeds_have_other_patients(cases):
    for other in (
        phantom_cases(PhantomSpec(), 300, epoch=1),
        phantom_cases(PhantomSpec(), 300, epoch=2),
        phantom_cases(PhantomSpec(seed=1), 300),
    ):
        assert set(other["roi_id"]).isdisjoint(cases["roi_id"])
        assert set(other["patient_id"]).isdisjoint(cases["patient_id"])
        assert other["morphology"].tolist() != cases["morphology"][:300].tolist()


def test_both_labellings_have_the_same_rois(cases):
    clinical = phantom_cases(PhantomSpec(labelling="clinical"))

    pd.testing.assert_frame_equal(clinical[PIXEL_COLUMNS], cases[PIXEL_COLUMNS])
    assert (clinical["label"] != cases["label"]).any()


def test_descriptor_label_is_suspicious_morphology(cases):
    suspicious = cases["morphology"].str.contains(
        "AMORPHOUS|PLEOMORPHIC|FINE_LINEAR_BRANCHING"
    )

    assert (cases["label"] == suspicious).all()
    # 66 % of the official ROIs of a named type have such a component.
    assert 0.55 < cases["label"].mean() < 0.75


@pytest.mark.parametrize("labelling", ["descriptor", "clinical"])
def test_pathology_fits_the_label(labelling):
    cases = phantom_cases(PhantomSpec(labelling=labelling), 600)

    assert ((cases["pathology"] == "MALIGNANT") == (cases["label"] == 1)).all()
    assert set(cases["pathology"]) == set(joint_counts()["pathology"])
    table = other_counts()
    table = table[table["table"] == "assessment"]
    counted = set(zip(table["given"], table["value"].astype(int), strict=True))
    drawn = set(zip(cases["pathology"], cases["assessment"], strict=True))
    assert drawn <= counted


@pytest.mark.parametrize(
    "column", ["morphology", "distribution", "density", "view", "rois_per_patient"]
)
def test_frequencies_are_those_of_the_official_lists(many, column):
    table = joint_counts()
    table = table[(table["morphology"] != "") & (table["density"] > 0)]
    official = table.groupby(column)["count"].sum() / table["count"].sum()
    size = many.groupby("patient_id")["view"].transform("size")
    drawn = many.assign(
        rois_per_patient=size, distribution=many["distribution"].fillna("")
    )
    found = drawn[column].value_counts(normalize=True)

    # Two standard errors of a share of one half among 6,400 patients are 0.0125.
    assert found.reindex(official.index).fillna(0).sub(official).abs().max() < 0.02


def test_patients_have_one_density_and_lesions_one_label(many):
    assert many.groupby("patient_id")["density"].nunique().max() == 1
    lesion = many.groupby(["patient_id", "breast", "lesion"])
    assert lesion["label"].nunique().max() == 1
    assert lesion["morphology"].nunique().max() == 1
    assert not many.duplicated(["patient_id", "breast", "lesion", "view"]).any()


def test_labels_of_a_patient_agree_nearly_as_often_as_in_the_lists(many):
    several = many.groupby("patient_id").filter(lambda part: len(part) > 1)

    # 98.7 % of the official patients have ROIs of one label only.
    assert several.groupby("patient_id")["label"].nunique().eq(1).mean() > 0.9


def test_malignancy_of_clinical_labels_is_near_the_official_rate(many):
    assert many["label"].mean() == pytest.approx(673 / 1872, abs=0.02)


@pytest.mark.parametrize(("n", "epoch", "named"), [(1, 0, "n=1"), (9, -1, "epoch=-1")])
def test_number_out_of_range_is_refused(n, epoch, named):
    with pytest.raises(UserError, match=named):
        phantom_cases(PhantomSpec(), n, epoch)
