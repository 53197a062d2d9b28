"""Means, paired changes and intervals of the paper's table 1."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from keras_wa.evaluate.image_quality import DEFINITIONS, MEASURES
from keras_wa.evaluate.image_quality_table import (
    PUBLISHED,
    format_table,
    summarise,
    write_table,
)
from tests.evaluate.tables import expanded

CHECKED = ("value", "low", "high")


def measured(n_patients: int = 40, rois: int = 3, seed: int = 0) -> pd.DataFrame:
    """ROIs that resemble their patient's others; after is 1.5 times before, noisy."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(n_patients), rois)
    columns: dict[str, object] = {"patient_id": [f"p{k:03d}" for k in patient]}
    for scale, name in enumerate(MEASURES, start=1):
        before = 2 + rng.normal(0, 0.3, n_patients)[patient]
        before += rng.normal(0, 0.05, len(patient))
        columns[f"{name}_before"] = scale * before
        after = 1.5 * before + rng.normal(0, 0.02, len(patient))
        columns[f"{name}_after"] = scale * after
    return pd.DataFrame(columns)


def test_two_rois_by_hand():
    table = measured(2, 1)
    table["snr_before"], table["snr_after"] = [1.0, 3.0], [4.0, 2.0]
    entry = summarise(table, 400)["snr"]

    assert entry["before"]["value"] == 2
    assert entry["after"]["value"] == 3
    # Of the means: (3 - 2) / 2, and not the mean of +300 and -33 per cent.
    assert entry["change_percent"]["value"] == pytest.approx(50)
    assert entry["raised"] == 0.5
    # A resample is one patient twice, or both.
    assert [entry["before"][end] for end in CHECKED] == [2, 1, 3]
    ends = entry["change_percent"]["low"], entry["change_percent"]["high"]
    assert ends == pytest.approx((-100 / 3, 300))


def test_each_roi_counts_once_however_many_a_patient_has():
    table = measured(2, 2).iloc[:3]
    entry = summarise(table, 50)["snr"]

    assert entry["before"]["value"] == pytest.approx(table["snr_before"].mean())
    assert (entry["n_rois"], entry["n_patients"]) == (3, 2)


def test_intervals_agree_with_a_plain_loop_over_patients():
    table = measured()
    entry = summarise(table, 4000)["visibility"]
    groups = [rows for _, rows in table.groupby("patient_id")]
    rng = np.random.default_rng(9)
    drawn = []
    for _ in range(1000):
        rows = pd.concat([groups[k] for k in rng.integers(0, 40, 40)])
        before, after = (
            rows["visibility_before"].mean(),
            rows["visibility_after"].mean(),
        )
        drawn.append((before, after, 100 * (after / before - 1)))
    expected = np.quantile(drawn, expanded(40, 0.95), axis=0)

    for k, end in enumerate(("before", "after", "change_percent")):
        width = expected[1, k] - expected[0, k]
        assert entry[end]["low"] == pytest.approx(expected[0, k], abs=0.12 * width)
        assert entry[end]["high"] == pytest.approx(expected[1, k], abs=0.12 * width)


def test_the_change_is_paired():
    # Patients differ by far more than the change does: its interval is narrow.
    entry = summarise(measured(), 500)["local_contrast"]
    change, before = entry["change_percent"], entry["before"]

    assert change["low"] < 50 < change["high"]
    assert change["high"] - change["low"] < 1
    assert before["high"] - before["low"] > 0.05 * before["value"]


def test_the_order_of_the_rows_changes_nothing():
    table = measured(10)
    shuffled = table.sample(frac=1, random_state=3)
    one, other = summarise(table, 100), summarise(shuffled, 100)

    for name in MEASURES:
        for end in ("before", "after", "change_percent"):
            assert one[name][end] == pytest.approx(other[name][end])


def test_rois_without_a_measure_are_left_out_of_it_alone():
    table = measured(5)
    table.loc[2, "visibility_before"] = np.nan
    table.loc[4, "visibility_after"] = np.nan
    summary = summarise(table, 50)

    assert summary["visibility"]["n_rois"] == 13
    assert summary["snr"]["n_rois"] == 15
    expected = table["visibility_before"].drop([2, 4]).mean()
    assert summary["visibility"]["before"]["value"] == pytest.approx(expected)


def test_one_roi_has_a_value_and_no_interval():
    table = measured(1, 1)
    entry = summarise(table, 50)["snr"]

    assert entry["before"] == {
        "value": pytest.approx(table["snr_before"][0]),
        "low": None,
        "high": None,
    }
    line = format_table(summarise(table, 50)).splitlines()[-1]
    assert f"| SNR | {table['snr_before'][0]:#.3g} | " in line


def test_a_measure_that_no_roi_has_is_none():
    table = measured(3).assign(visibility_before=np.nan, visibility_after=np.nan)
    summary = summarise(table, 50)

    assert summary["visibility"]["n_rois"] == 0
    assert summary["visibility"]["raised"] is None
    assert set(summary["visibility"]["after"].values()) == {None}
    assert "| n/a | n/a | n/a | 0 |" in format_table(summary)


def test_there_is_no_change_in_per_cent_of_nothing():
    table = measured(3).assign(local_contrast_before=0.0)
    entry = summarise(table, 50)["local_contrast"]

    assert entry["before"]["value"] == 0
    assert set(entry["change_percent"].values()) == {None}


def test_the_table_stands_beside_the_papers_numbers():
    lines = format_table(summarise(measured(), 50)).splitlines()

    assert "As published (definition not stated)" in lines[0]
    assert [line.split(" | ")[-1] for line in lines[2:]] == [
        "0.4 → 0.67 (+60.8 %) |",
        "0.58 → 0.81 (+46.05 %) |",
        "17.8 → 22 (+23.9 %) |",
    ]
    assert lines[2].startswith("| Mean local contrast | 1.98 [")
    assert len({line.count("|") for line in lines}) == 1


def test_what_is_written_can_be_read_again(tmp_path):
    table = measured(4).assign(no_visibility=pd.NA)
    table.loc[1, "visibility_before"] = np.nan
    record = {
        "measures": summarise(table, 50),
        "notes": ["This is a phantom."],
        "settings": {"dataset": "phantom", "clip_limit": 2.0},
        "bootstrap": {
            "kind": "patient-cluster expanded percentile bootstrap",
            "n_resamples": 50,
            "confidence": 0.95,
        },
    }
    write_table(tmp_path, table, record)

    found = json.loads((tmp_path / "enhancement.json").read_text())
    assert found["measures"] == record["measures"]
    assert found["definitions"] == DEFINITIONS
    assert found["published"] == PUBLISHED
    again = pd.read_csv(tmp_path / "enhancement.csv")
    np.testing.assert_allclose(again["snr_after"], table["snr_after"])
    assert np.isnan(again["visibility_before"][1])
    assert again["no_visibility"].isna().all()
    page = (tmp_path / "table1.md").read_text()
    assert format_table(record["measures"]) in page
    assert "**This is a phantom.**" in page
    assert (
        "95% intervals: patient-cluster expanded percentile bootstrap, 50 resamples"
        in page
    )
    assert "clip_limit 2.0" in page
    assert all(text in page for text in DEFINITIONS.values())
    assert {path.name for path in tmp_path.iterdir()} == {
        "enhancement.csv",
        "enhancement.json",
        "table1.md",
    }
