from __future__ import annotations

import math

from keras_wa.evaluate.results import evaluate_predictions
from keras_wa.evaluate.text import (
    TITLES,
    TextTable,
    count,
    estimate,
    format_metrics,
    join,
    percent,
    share,
)
from keras_wa.metrics import Estimate
from keras_wa.metrics.classification import METRIC_NAMES
from tests.evaluate.tables import predictions, with_cases


def results(**changes):
    arguments = {"val_predictions": predictions(seed=1), **changes}
    return evaluate_predictions(
        with_cases(predictions()), 0.5, "youden on validation", 50, **arguments
    )


def line_of(text, start):
    (line,) = [each for each in text.splitlines() if each.startswith(start)]
    return line


def test_each_metric_has_a_line_for_rois_and_patients():
    found = results()
    found["levels"]["roi"]["metrics"]["auc"] = {
        "value": 0.7412,
        "low": 0.6549,
        "high": 0.8143,
    }
    patient = found["levels"]["patient"]["metrics"]["auc"]
    text = format_metrics(found)
    lines = text.splitlines()
    assert lines[0].startswith("60 ROIs of 19 patients, 56.7% positive; ")
    assert lines[0].endswith("called positive at p >= 0.5 (youden on validation)")
    assert lines[1].split() == ["60", "ROIs", "19", "patients"]
    assert line_of(text, "AUC ").split() == [
        "AUC",
        "0.741",
        "[0.655,",
        "0.814]",
        f"{patient['value']:.3f}",
        f"[{patient['low']:.3f},",
        f"{patient['high']:.3f}]",
    ]
    assert set(TITLES) == set(METRIC_NAMES)
    metric_lines = [line_of(text, TITLES[name]) for name in METRIC_NAMES]
    assert len({line.index("[") for line in metric_lines}) == 1
    delong = found["auc_delong"]
    assert f"{delong['value']:.3f} [{delong['low']:.3f}" in line_of(text, "  by DeLong")
    assert "95% interval, patient-cluster expanded percentile bootstrap, 50" in text
    assert max(map(len, lines[1:15])) < 70


def test_the_levels_that_are_asked_for_have_columns_unless_left_out():
    found = results()
    asked = ("roi", "lesion", "breast", "patient")
    head = format_metrics(found, asked).splitlines()[1].split()
    sizes = [str(found["levels"][name]["n"]) for name in asked]
    assert head[::2] == sizes
    assert head[1::2] == ["ROIs", "lesions", "breasts", "patients"]
    found["levels"]["lesion"] = {"left_out": "lesion is missing for 1 ROI"}
    head = format_metrics(found, asked).splitlines()[1].split()
    assert head[1::2] == ["ROIs", "breasts", "patients"]


def test_calibration_is_shown_before_and_after_the_temperature():
    found = results()
    text = format_metrics(found)
    before = found["calibration"]["as_predicted"]
    assert f"Brier {before['brier']:.3f}" in line_of(text, "Calibration")
    after = found["calibration"]["temperature_scaled"]
    assert f"ECE {after['ece_equal_mass']:.3f}" in text
    assert f"at the temperature {found['calibration']['temperature']:.3g}" in text
    assert "temperature" not in format_metrics(results(val_predictions=None))


def test_references_are_shown_with_auc_and_accuracy():
    learning = with_cases(predictions(seed=2), seed=2).drop(columns="assessment")
    found = results(learning_cases=learning, best_possible_auc=0.913)
    text = format_metrics(found)
    _, descriptors, *_ = found["references"]
    line = line_of(text, "type + distribution ")
    assert f"{descriptors['auc']['value']:.3f} [" in line
    assert f"{descriptors['accuracy']['high']:.3f}]" in line
    assert line_of(text, "best possible").split() == ["best", "possible", "0.913"]
    # What could not be computed has no line; metrics.json says why.
    assert "assessment" not in text
    assert "without pixels" not in format_metrics(results())


def test_the_text_says_what_is_undefined_and_how_often():
    found = evaluate_predictions(predictions().assign(label=0), 0.5, "fixed", 50)
    line = line_of(format_metrics(found), "AUC ")
    assert line.split()[:4] == ["AUC", "n/a", "n/a", "undefined"]
    assert line.endswith("undefined in 50 of 50 resamples")


def test_estimates_per_cents_counts_and_lists():
    assert estimate(None) == estimate({"value": None, "low": 0, "high": 1}) == "n/a"
    assert percent(0.9004) == "90.0 %"
    assert percent(Estimate(0.921, 0.881, 0.956)) == "92.1 % [88.1 to 95.6]"
    assert percent(Estimate(1.0, math.nan, math.nan)) == "100.0 %"
    assert [share(129, 326), share(0, 0)] == ["39.6 %", "n/a"]
    assert [count(n, "ROI") for n in (0, 1, 1872)] == ["0 ROIs", "1 ROI", "1,872 ROIs"]
    lists = [join(list(each)) for each in ("", "a", "ab", "abc")]
    assert lists == ["", "a", "a and b", "a, b and c"]


def test_a_table_is_markdown():
    assert (
        str(TextTable(["", "n"], [["a", "1"]])) == "|  | n |\n| --- | --- |\n| a | 1 |"
    )
