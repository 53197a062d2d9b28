"""`audit.json` is strict JSON and what the published schema says."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import jsonschema
import pytest

from keras_wa.evaluate.audit.findings import Score
from keras_wa.evaluate.audit.record import to_record, write_record
from keras_wa.metrics import Estimate
from tests.evaluate.audit.reports import report

SCHEMA = json.loads(
    (Path(__file__).parents[3] / "docs" / "audit.schema.json").read_text()
)


def read(path: Path) -> dict:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(path.read_text(), parse_constant=refuse)


def test_everything_that_was_found_is_in_the_record(tmp_path):
    write_record(report(), tmp_path / "audit.json")
    record = read(tmp_path / "audit.json")
    jsonschema.validate(record, SCHEMA)
    assert record["verdict"] == "error"
    assert len(record["findings"]) == 5
    assert len(record["findings"][1]["groups"]) == 14
    assert record["findings"][2]["scores"][0]["auc"]["low"] == 0.655
    assert record["findings"][2]["scores"][0]["accuracy"] is None
    assert [path.name for path in tmp_path.iterdir()] == ["audit.json"]


def test_a_number_that_is_undefined_is_null(tmp_path):
    undefined = Score("x", Estimate(float("nan"), 0.1, float("inf")))
    first, *others = report().findings
    broken = dataclasses.replace(
        report(), findings=[dataclasses.replace(first, scores=[undefined]), *others]
    )
    write_record(broken, tmp_path / "audit.json")
    record = read(tmp_path / "audit.json")
    jsonschema.validate(record, SCHEMA)
    found = record["findings"][0]["scores"][0]["auc"]
    assert found == {"value": None, "low": 0.1, "high": None}


def test_the_schema_refuses_what_is_not_in_it():
    record = to_record(report())
    for change in ({"verdict": "fine"}, {"format": 2}, {"findings": [{}]}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**record, **change}, SCHEMA)
