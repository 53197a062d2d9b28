"""The limitations are those of the data at hand, and those of every evaluation."""

from __future__ import annotations

import pytest

from keras_wa.evaluate.report.limitations import limitations
from tests.evaluate.report.records import config, results


def record(**changes):
    wide = {"value": 0.8, "low": 0.7, "high": 0.9}
    return {
        "dataset": "folder",
        "n_patients": 20,
        "metrics": {"auc": wide},
        "subgroups": [],
        "levels": {"roi": {}},
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "settings", "said"),
    [
        ({"dataset": "phantom"}, {}, "These ROIs are computed."),
        ({"dataset": "cbis-ddsm"}, {}, "without calling the woman back"),
        ({"dataset": "medimeta"}, {}, "without calling the woman back"),
        ({"dataset": "medimeta"}, {}, "MedIMeta scaled crops of large lesions down"),
        ({}, {"crop": "roi"}, "The crop 'roi' is scaled to the lesion"),
        ({}, {}, "With 20 patients the AUC is known to ± 0.10 only"),
        ({"subgroups": [{}, {}]}, {}, "There are 2 subgroups"),
        (
            {"levels": {"image": {"left_out": "x"}, "breast": {"left_out": "x"}}},
            {},
            "There are no results by image and breast",
        ),
    ],
)
def test_what_the_data_imply_is_said(changes, settings, said):
    found = limitations(record(**changes), config(**settings))
    assert any(said in each for each in found)


def test_nothing_is_said_that_does_not_hold():
    narrow = {"auc": {"value": 0.8, "low": 0.78, "high": 0.82}}
    found = limitations(
        record(dataset="cbis-ddsm", metrics=narrow),
        config(drop_without_callback=True, crop="fixed"),
    )
    assert found == limitations(record(metrics=narrow), config())
    assert found[0].startswith("The ROIs were given.")
    assert len(limitations(results(), config())) > len(found)
