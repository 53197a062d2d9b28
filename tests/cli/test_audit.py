"""`keras-wa audit`: a page, a record, and exit code 0 whatever was found."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_wa.cli import main
from tests.data.pipeline.folders import make_folder
from tests.imports import deep_learning_libraries_of

FEW = ["--resamples", "20"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Class folders; one file of training is there again under another patient."""
    root = make_folder(tmp_path / "data", per_class=20, side=64)
    copy = (root / "0" / "a00_0.png").read_bytes()
    (root / "1" / "c99_0.png").write_bytes(copy)
    return root


def test_an_audit_writes_its_page_and_its_record(folder, tmp_path, capsys):
    out = tmp_path / "audit"
    words = ["--data-dir", str(folder), "--group-pattern", r"^(\w\d\d)"]
    words = ["audit", "folder", *words, "--out", str(out), *FEW]
    assert main([*words, "--seed", "1", "--limit", "30"]) == 0
    settings = json.loads((out / "audit.json").read_text())["settings"]
    names = ("data_dir", "group_pattern", "limit", "resamples", "seed")
    found = [settings[name] for name in names]
    assert found == [str(folder), r"^(\w\d\d)", 30, 20, 1]
    # A second one replaces it.
    assert main(words) == 0
    assert sorted(path.name for path in out.iterdir()) == ["audit.html", "audit.json"]
    record = json.loads((out / "audit.json").read_text())
    assert record["settings"]["seed"] == 0
    findings = {finding["check"]: finding for finding in record["findings"]}
    (group,) = findings["duplicates"]["groups"]
    assert group["roi_ids"] == ["0/a00_0.png", "1/c99_0.png"]
    assert findings["label conflicts"]["verdict"] == "error"
    assert record["verdict"] == "error"
    said = capsys.readouterr().out
    assert "ERROR: A result on this data set would be invalid as it stands." in said
    assert str(out / "audit.html") in said


def test_values_of_12_bits_in_16_are_a_warning(folder, tmp_path, capsys):
    for path in folder.glob("*/*.png"):
        values = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(np.uint16) * 16
        assert cv2.imwrite(str(path), values)
    out = tmp_path / "audit"
    words = ["audit", "folder", "--data-dir", str(folder), "--out", str(out), *FEW]
    for more, verdict in ([], "warning"), (["--bits-stored", "12"], "ok"):
        assert main([*words, *more]) == 0
        record = json.loads((out / "audit.json").read_text())
        found = record["findings"][-1]
        assert (found["check"], found["verdict"]) == ("files", verdict)
        assert record["settings"]["bits_stored"] == (12 if more else None)
        said = "41 of 41 ROIs have this note, such as 0/a00_0.png: grey range"
        assert (said in capsys.readouterr().out) is not bool(more)


def test_a_torn_patient_is_reported_not_refused(tmp_path, capsys):
    root = make_folder(tmp_path / "data" / "train")
    make_folder(tmp_path / "data" / "test", per_class=6)
    words = ["--data-dir", str(root.parent), "--group-pattern", r"^(\w\d\d)"]
    out = str(tmp_path / "audit")
    assert main(["audit", "folder", *words, "--out", out, *FEW]) == 0
    assert "6 of 12 patients" in " ".join(capsys.readouterr().out.split())


def test_bad_input_is_one_line(tmp_path, error_of):
    assert "did you mean 'folder'" in error_of(["audit", "foldr"])
    assert "--data-dir" in error_of(["audit", "cmmd"])
    assert "Unknown --crop" in error_of(["audit", "folder", "--crop", "x"])
    make_folder(tmp_path / "data")
    words = ["audit", "folder", "--data-dir", str(tmp_path / "data")]
    words += ["--out", str(tmp_path / "out")]
    for split, expected in (
        ("oficial", "did you mean 'official'"),
        ("augmented-first", "--split"),
    ):
        assert expected in error_of([*words, "--split", split])
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_told_before_the_work(
    folder, tmp_path, error_of
):
    (tmp_path / "file").write_text("")
    words = ["audit", "folder", "--data-dir", folder]
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        assert f"--out. Received: {place}" in error_of([*words, "--out", place])


def test_an_audit_needs_no_deep_learning_library(folder, tmp_path):
    words = ["audit", "folder", "--data-dir", str(folder), *FEW]
    words += ["--out", str(tmp_path / "audit")]
    code = f"from keras_wa.cli import main; main({words!r})"
    assert deep_learning_libraries_of(code) == []
    assert (tmp_path / "audit" / "audit.json").is_file()


@pytest.mark.shared_data
def test_the_case_lists_alone_give_the_published_numbers(shared_data, tmp_path, capsys):
    lists = shared_data / "cbis-ddsm-csv"
    words = ["--data-dir", str(lists), "--out", str(tmp_path), *FEW]
    assert main(["audit", "cbis-ddsm", *words]) == 0
    record = json.loads((tmp_path / "audit.json").read_text())
    scores = {
        score["name"]: score
        for finding in record["findings"]
        for score in finding["scores"]
    }
    for name, auc, accuracy in (
        ("type + distribution", 0.741, 0.706),
        ("BI-RADS assessment", 0.754, 0.727),
        ("type + distribution + assessment", 0.827, 0.782),
    ):
        assert scores[name]["auc"]["value"] == pytest.approx(auc, abs=5e-4)
        assert scores[name]["accuracy"]["value"] == pytest.approx(accuracy, abs=5e-4)
    recalled = [
        scores[f"random {cut}"]["accuracy"]["value"]
        for cut in ("80/20 by ROI", "90/10 by ROI", "80/20 by image")
    ]
    np.testing.assert_allclose(recalled, [0.901, 0.924, 0.876], atol=0.006)
