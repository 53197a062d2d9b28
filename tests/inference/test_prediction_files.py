"""What was predicted reads back from JSON and CSV as it was."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from keras_wa.data.io import Box
from keras_wa.errors import UserError
from keras_wa.inference.classifier import Classifier
from keras_wa.inference.predicting import Prediction, Target
from keras_wa.inference.prediction_files import (
    as_record,
    header_of,
    to_csv,
    to_json,
    to_table,
    write_text,
)

GOOD = Prediction(
    Target(Path("a.dcm"), box=Box(1, 2, 30, 40), score=0.7),
    probability=0.25,
    low=0.125,
    high=0.5,
    malignant=False,
    threshold=0.375,
    probabilities=(0.75, 0.25),
    warnings=("size: tiny", "edge: cut"),
    window=(0, 0, 50, 50),
    roi=np.zeros((32, 32), np.uint8),
)
BAD = Prediction(Target(Path("b.dcm")), error="b.dcm: damaged")
WHOLE = Prediction(
    Target(Path("c.png")),
    probability=1.0,
    low=1.0,
    high=1.0,
    probabilities=(0.0, 1.0),
    window=(0, 0, 9, 9),
)


RECORDS = [as_record(each) for each in (GOOD, BAD, WHOLE)]


def test_json_holds_everything_and_null_for_what_is_not_known(
    classifier: Classifier,
) -> None:
    record = json.loads("".join(to_json(header_of(classifier), RECORDS)))
    assert record["labels"] == ["benign", "malignant"]
    assert record["calibrated"] is True
    good, bad, whole = record["predictions"]
    assert good["box"] == [1, 2, 30, 40]
    assert good["window"] == [0, 0, 50, 50]
    assert (good["probability"], good["low"], good["high"]) == (0.25, 0.125, 0.5)
    assert good["malignant"] is False
    assert good["warnings"] == ["size: tiny", "edge: cut"]
    assert bad["probability"] is bad["malignant"] is bad["probabilities"] is None
    assert bad["error"] == "b.dcm: damaged"
    assert whole["malignant"] is None
    assert any("Not a medical device" in note for note in record["notes"])


def test_csv_has_a_line_a_prediction() -> None:
    table = pd.read_csv(io.StringIO("".join(to_csv(RECORDS))))
    assert list(table["file"]) == ["a.dcm", "b.dcm", "c.png"]
    assert list(table["probability"].fillna(-1)) == [0.25, -1, 1]
    assert table.loc[0, ["box_left", "box_height"]].tolist() == [1, 40]
    assert table["box_left"].isna().tolist() == [False, True, True]
    assert table.loc[0, "warnings"] == "size: tiny; edge: cut"
    assert "1,2,30,40" in "".join(to_csv(RECORDS)), "whole numbers stay whole"


def test_the_table_says_what_was_not_classified() -> None:
    text = to_table(RECORDS)
    first, second, third = (
        next(line for line in text.splitlines() if name in line)
        for name in ("a.dcm", "b.dcm", "c.png")
    )
    assert "0.250" in first
    assert "0.125 to 0.500" in first
    assert "benign" in first
    assert "not classified" in second
    assert "malignant" not in third, "nobody knows a threshold"


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        write_text(tmp_path / "file" / "out.csv", ["te", "xt"])
    write_text(tmp_path / "new" / "out.csv", ["te", "xt"])
    assert (tmp_path / "new" / "out.csv").read_text() == "text"
