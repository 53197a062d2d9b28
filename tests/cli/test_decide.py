"""`keras-wa decide`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from keras_wa.cli import main
from keras_wa.export.cards import card_file
from keras_wa.inference.classifier import open_classifier
from keras_wa.training.decision import FILE
from tests.cli.failing import ErrorOf


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    """A finished run that may be changed."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def test_report_predict_and_saved_model_use_the_new_decision(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(copy)]) == 0
    assert main(["evaluate", str(copy), "--resamples", "20"]) == 0
    before = json.loads((copy / FILE).read_text())["threshold"]
    capsys.readouterr()
    words = ["--sensitivity", "0.95", "--coverage", "0.8"]
    assert main(["decide", str(copy), *words]) == 0
    said = capsys.readouterr().out
    record = json.loads((copy / FILE).read_text())
    assert record["rule"] == "sensitivity:0.95 on validation"
    assert record["prediction_sets"]["coverage"] == 0.8
    assert f"Before: malignant from {before:.4g} (youden on validation)" in said
    assert f"Now:    malignant from {record['threshold']:.4g}" in said
    assert record["threshold"] != before
    assert f"`python evaluate.py {copy} --split test`" in said

    card = json.loads(card_file(copy / "saved_model").read_text())
    assert card["decision"] == record
    for path in (copy, copy / "saved_model"):
        decision = open_classifier(path).decision
        assert decision is not None
        assert decision.threshold == record["threshold"]

    assert main(["evaluate", str(copy), "--resamples", "20"]) == 0
    metrics = json.loads((copy / "evaluation" / "test" / "metrics.json").read_text())
    assert metrics["threshold"]["value"] == record["threshold"]
    assert metrics["threshold"]["rule"] == record["rule"]
    assert metrics["prediction_sets"]["coverage"] == 0.8
    assert not [note for note in metrics["notes"] if "threshold" in note]
    assert main(["decide", str(copy), *words]) == 0
    assert "Evaluate it again" not in capsys.readouterr().out

    # What is not given is kept, and a report of other sets is named too.
    assert main(["decide", str(copy), "--coverage", "0.7"]) == 0
    assert f"`python evaluate.py {copy} --split test`" in capsys.readouterr().out
    after = json.loads((copy / FILE).read_text())
    assert (after["threshold"], after["rule"]) == (record["threshold"], record["rule"])
    assert main(["decide", str(copy), "--threshold", "f1"]) == 0
    assert json.loads((copy / FILE).read_text())["prediction_sets"]["coverage"] == 0.7


def test_changed_data_change_nothing(copy: Path, error_of: ErrorOf) -> None:
    before = (copy / FILE).read_bytes()
    digests = (copy / "split.csv").read_text().splitlines()
    head = digests[0].split(",")
    row = digests[1].split(",")
    row[head.index("pixels")] = "0" * 32
    (copy / "split.csv").write_text(
        "\n".join([digests[0], ",".join(row), *digests[2:]])
    )
    assert "pixels" in error_of(["decide", copy])
    assert (copy / FILE).read_bytes() == before


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--sensitivity", "1.5"], "in (0, 1]"),
        (["--sensitivity", "0.9", "--threshold", "f1"], "not allowed with"),
        (["--coverage", "1"], "must be"),
        (["--threshold", "yuden"], "did you mean 'youden'?"),
    ],
)
def test_a_wrong_argument_is_named(
    copy: Path, error_of: ErrorOf, words: list[str], expected: str
) -> None:
    assert expected in error_of(["decide", copy, *words])
    assert np.isfinite(json.loads((copy / FILE).read_text())["threshold"])
