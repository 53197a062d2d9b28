"""The tables of a comparison."""

from __future__ import annotations

from typing import Any

from keras_wa.evaluate.compare.markdown import (
    PUBLISHED_ACCURACY,
    cost_table,
    differences_table,
    ensemble_table,
    main_table,
    over_seeds,
    p_value,
    protocols,
    render_markdown,
    signed,
)
from keras_wa.models import list_models


def metric(mean: float) -> dict[str, Any]:
    return {
        "mean": mean,
        "sd": 0.01,
        "low": mean - 0.05,
        "high": mean + 0.05,
        "values": [mean - 0.01, mean + 0.01],
    }


def difference(value: float) -> dict[str, Any]:
    return {
        "value": value,
        "low": value - 0.02,
        "high": value + 0.02,
        "p_value": 0.01,
        "p_holm": 0.02,
    }


def system(name: str, auc: float, base: float | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "model": name,
        "source": f"source of {name}",
        "published": "91.79",
        "seeds": [0, 1],
        "metrics": {"auc": metric(auc), "accuracy": metric(0.8)},
        "differences": {} if base is None else {"auc": difference(auc - base)},
        "ensemble": {
            "auc": {"value": auc + 0.02, "low": auc - 0.03, "high": auc + 0.07},
            "difference": difference(0.02),
        },
    }


def part(split: str = "official", **changes: Any) -> dict[str, Any]:
    return {
        "split": split,
        "split_hash": "0123456789ab",
        "split_origin": "drawn by patient (seed 3)" if split == "official" else split,
        "n_rois": 326,
        "n_patients": 151,
        "prevalence": 0.396,
        "baseline": "resnet50",
        "warnings": [],
        "failed": [],
        "lesions": None,
        "systems": [system("resnet50", 0.7), system("wa_resnet50", 0.75, 0.7)],
        **changes,
    }


def record(**changes: Any) -> dict[str, Any]:
    cost = {
        "parameters": 23_600_000,
        "gflops": 7.7123,
        "step_seconds": 0.7006,
        "batch_size": 16,
        "hardware": "CPU, 2 cores",
    }
    return {
        "format": 1,
        "command": "keras-wa compare --models resnet50,wa_resnet50",
        "date": "2026-11-24",
        "hardware": "CPU, 2 cores",
        "notes": ["This is a phantom."],
        "costs": {"resnet50": cost, "wa_resnet50": cost},
        "part": "test",
        "splits": [part()],
        **changes,
    }


def test_the_main_table_has_a_row_a_system():
    header, _, first, second = str(main_table(part())).splitlines()
    assert "as published, split not stated" in header
    assert first == (
        "| resnet50 | 2 | 0.700 ± 0.010 [0.650, 0.750] | baseline |  | "
        "0.800 ± 0.010 [0.750, 0.850] | 91.79 |"
    )
    assert "| +0.050 [+0.030, +0.070] | 0.020 |" in second


def test_an_ensemble_has_a_row_if_there_are_several_seeds():
    first, second = ensemble_table(part()).rows
    assert first == [
        "resnet50",
        "2",
        "0.720 [0.670, 0.770]",
        "+0.020 [+0.000, +0.040]",
        "0.010",
    ]
    assert second[2] == "0.770 [0.720, 0.820]"
    single = {**system("resnet50", 0.7), "seeds": [0], "ensemble": None}
    assert ensemble_table(part(systems=[single])) is None
    text = render_markdown(record(splits=[part(systems=[single])]))
    assert "The ensemble of" not in text


def test_the_ensembles_are_shown_by_lesion_too():
    by_lesion = part(systems=[system("resnet50", 0.8), system("two", 0.85, 0.8)])
    text = render_markdown(record(splits=[part(lesions=by_lesion)]))
    section = text.partition("### By lesion")[2].partition("### Cost")[0]
    assert "#### The ensemble of each system's seeds, by lesion" in section
    assert str(ensemble_table(by_lesion)) in section
    assert "| two | 2 | 0.870 [0.820, 0.920] |" in section


def test_the_costs_are_in_the_units_of_the_header():
    first, _ = cost_table(part(), record()["costs"]).rows
    assert first == ["resnet50", "23.60", "7.71", "701", "16", "CPU, 2 cores"]
    costs = {name: {**cost, "gflops": None} for name, cost in record()["costs"].items()}
    first, _ = cost_table(part(), costs).rows
    assert first[2] == "", "without TensorFlow nobody counts them"


def test_rows_have_as_many_cells_as_the_header():
    page = render_markdown(record(splits=[part(), part("random-roi")]))
    tables = [block for block in page.split("\n\n") if block.startswith("|")]
    # One of the protocols, and five of each split.
    assert len(tables) == 11
    for each in tables:
        assert len({line.count("|") for line in each.splitlines()}) == 1


def test_what_is_undefined_is_said_to_be():
    undefined = {"mean": None, "sd": None, "low": None, "high": None}
    assert over_seeds(undefined) == "n/a"
    assert signed({"value": None, "low": None, "high": None}) == "n/a"
    assert differences_table(part(systems=[system("resnet50", 0.7)])) is None
    p_values = (None, 0.0004, 0.001, 1.0)
    assert [p_value(p) for p in p_values] == ["n/a", "< 0.001", "0.001", "1.000"]


def test_notes_warnings_and_failures_are_on_the_page():
    text = render_markdown(
        record(splits=[part(warnings=["Only 3 patients."], failed=["x: diverged"])])
    )
    assert "**This is a phantom.**" in text
    assert "**Only 3 patients.**" in text
    assert "*Failed:* x: diverged" in text
    assert "split hash 0123456789ab" in text


def test_a_system_that_failed_under_a_split_is_left_out_of_it():
    other = part("random-roi", systems=[system("resnet50", 0.9)])
    table = protocols(record(splits=[part(), other]))
    assert [row[:2] for row in table.rows] == [
        ["resnet50", "drawn by patient (seed 3)"],
        ["resnet50", "random-roi"],
        ["wa_resnet50", "drawn by patient (seed 3)"],
    ]


def test_each_published_figure_is_of_a_registered_model():
    assert set(PUBLISHED_ACCURACY) <= set(list_models())
    assert PUBLISHED_ACCURACY["wa_resnet50"] == "96.74"
