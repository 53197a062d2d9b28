"""The tables hold the numbers of the record."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from sklearn import metrics

from keras_wa.evaluate.report import report_tables
from tests.evaluate.report.records import results, table


@pytest.fixture(scope="module")
def cases():
    return table()


@pytest.fixture(scope="module")
def found():
    return results()


def test_every_table_has_as_many_cells_as_heads(found):
    for make in (
        report_tables.level_table,
        report_tables.confusion_table,
        report_tables.reference_table,
        report_tables.subgroup_table,
        report_tables.coverage_table,
    ):
        made = make(found)
        assert {len(row) for row in made.rows} == {len(made.header)}


def test_the_levels_are_those_that_there_are(cases):
    found = results()
    found["levels"]["image"] = {"left_out": "view is missing for 1 ROI"}
    made = report_tables.level_table(found)
    head, rows = made.header, made.rows
    (sentence,) = report_tables.levels_left_out(found)
    assert sentence == "By image: not done, view is missing for 1 ROI."
    assert [each.split()[1] for each in head[1:]] == [
        "ROIs",
        "lesions",
        "breasts",
        "patients",
    ]
    assert report_tables.level_names(found) == "ROI, lesion, breast and patient"
    assert rows[1][1].startswith(
        f"{metrics.roc_auc_score(cases['label'], cases['probability']):.3f} ["
    )
    assert [row[0] for row in rows[:3]] == ["malignant", "AUC", "AUC, by DeLong"]


def test_the_confusion_is_scikit_learns(cases, found):
    malignant, benign = report_tables.confusion_table(found).rows
    matrix = metrics.confusion_matrix(cases["label"], cases["probability"] >= 0.5)
    (tn, fp), (fn, tp) = matrix.tolist()
    assert [cell.split()[0] for cell in malignant[1:]] == [
        str(tp),
        str(fn),
        str(tp + fn),
    ]
    assert [cell.split()[0] for cell in benign[1:]] == [str(fp), str(tn), str(fp + tn)]
    assert malignant[1] == f"{tp} ({100 * tp / (tp + fn):.1f} %)"


def test_the_references_stand_below_the_model(found):
    rows = report_tables.reference_table(found).rows
    names = [row[0] for row in rows]
    assert names[:2] == ["this model", "majority class"]
    assert names[-2:] == ["mean", "max minus median"]
    assert rows[-2][1] == "0.520 [0.450, 0.600]"
    missing = {"name": "a", "auc": None, "accuracy": None, "how": "x", "reason": "y"}
    rows = report_tables.reference_table({**found, "references": [missing]}).rows
    assert rows[1] == ["a", "", "", "not done: y"]


def test_subgroups_of_one_class_are_in_the_table_and_not_in_the_plots(found):
    single = [g for g in found["subgroups"] if g["auc"]["value"] is None]
    drawn = [row for plot in report_tables.subgroup_plots(found) for row in plot.rows]
    assert len(drawn) == len(found["subgroups"]) - len(single) > 0
    assert not any(math.isnan(row.estimate.value) for row in drawn)
    assert len(report_tables.subgroup_table(found).rows) == len(found["subgroups"])
    assert report_tables.without_auc(found).startswith(f"{len(single)} of ")
    whole = found["metrics"]["auc"]["value"]
    assert {plot.reference for plot in report_tables.subgroup_plots(found)} == {whole}
    few = [{**g, "few_patients": True, "n_patients": 9} for g in found["subgroups"]]
    plots = report_tables.subgroup_plots({**found, "subgroups": few})
    assert {row.note for plot in plots for row in plot.rows} == {"9 patients only"}


def test_the_counts_are_those_of_each_part():
    cases = pd.DataFrame(
        {
            "split": ["test", "train", "train", "train"],
            "patient_id": ["p3", "p1", "p1", "p2"],
            "label": [1, 0, 0, 1],
        }
    )
    assert report_tables.data_table(cases).rows == [
        ["train", "3", "2", "1", "33.3 %"],
        ["test", "1", "1", "1", "100.0 %"],
        ["all", "4", "3", "2", "50.0 %"],
    ]
