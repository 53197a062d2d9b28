"""`keras-wa predict`: from files to a table, JSON, CSV and pictures."""

from __future__ import annotations

import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from keras_wa.cli import main
from keras_wa.export.cards import card_file
from keras_wa.files import locked
from keras_wa.training.data import load_data
from keras_wa.training.run import Run
from tests.tiny_model import start
from tests.waiting import until


@pytest.fixture(scope="module")
def rois(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run's test ROIs as PNG files, by ROI id."""
    folder = tmp_path_factory.mktemp("rois")
    data = load_data(Run.open(finished).config)
    for row in np.flatnonzero(data.cases["split"] == "test"):
        path = folder / f"{data.cases['roi_id'].iloc[row]}.png"
        cv2.imwrite(str(path), np.asarray(data.raw[row]))
    return folder


def test_raw_files_give_the_probabilities_of_the_evaluation(
    finished, rois, tmp_path, capsys
):
    run = shutil.copytree(finished, tmp_path / "run")
    assert main(["evaluate", str(run), "--resamples", "20"]) == 0
    folder = run / "evaluation" / "test"
    wanted = pd.read_csv(folder / "predictions.csv", dtype=str)
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    threshold = metrics["threshold"]["value"]
    capsys.readouterr()
    out = tmp_path / "out.json"
    assert main(["predict", str(run), str(rois), "--json", str(out)]) == 0
    said = capsys.readouterr().out
    assert "p(malignant)" in said
    assert "*** Research software. Not a medical device." in said
    assert "trained on a phantom" in said
    found = {
        Path(each["file"]).stem: each
        for each in json.loads(out.read_text(encoding="utf-8"))["predictions"]
    }
    assert len(found) == len(wanted)
    for roi_id, p in zip(wanted["roi_id"], wanted["probability"], strict=True):
        own = found[roi_id]
        assert own["probabilities"][1] == pytest.approx(float(p), abs=1e-4)
        if abs(float(p) - threshold) > 1e-3:
            assert own["malignant"] is (float(p) >= threshold)
        assert own["low"] <= own["probability"] <= own["high"]


def test_what_is_bad_or_not_there_is_told_and_the_rest_go_on(
    finished, rois, tmp_path, capsys
):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.png").write_bytes(b"no image")
    good = str(next(rois.iterdir()))
    names = [str(tmp_path / name) for name in ("absent.png", "*.dcm", "empty")]
    bad = str(tmp_path / "bad.png")
    out = tmp_path / "new" / "out.json"
    words = ["predict", str(finished), names[0], good, *names[1:], bad]
    assert main([*words, "--json", str(out), "--csv", "-"]) == 0
    said = capsys.readouterr()
    found = json.loads(out.read_text(encoding="utf-8"))["predictions"]
    assert [each["file"] for each in found] == words[2:]
    expected = [False, True, False, False, False]
    assert [each["error"] is None for each in found] == expected
    assert pd.read_csv(io.StringIO(said.out))["error"].isna().tolist() == expected
    assert said.err.count("Received: nothing; expected") == 3
    assert said.err.count("bad.png: not a readable image") == 1
    assert main(["predict", str(finished), *names, bad]) == 2, "nothing was classified"


def test_a_result_that_cannot_be_written_is_refused_before_the_work(
    finished, rois, tmp_path, error_of
):
    (tmp_path / "file").write_text("")
    for flag in ("--csv", "--json"):
        for place in (tmp_path, tmp_path / "file" / "x", Path("/proc/x")):
            words = ["predict", "no model", str(rois), flag, str(place)]
            assert f"{flag}. Received: {place} (" in error_of(words)
    device = ["predict", str(finished), str(rois), "--csv", "/dev/null"]
    assert main([*device, "--tta", "1"]) == 0
    assert Path("/dev/null").is_char_device()


@pytest.fixture
def trained_on_12_bits(finished: Path, tmp_path: Path) -> Path:
    """The run as if its training images had had 12 bits."""
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    for file in (run / "config.json", card_file(run / "saved_model")):
        if file.is_file():
            record = json.loads(file.read_text(encoding="utf-8"))
            file.write_text(json.dumps({**record, "bits_stored": 12}))
    return run


def test_a_model_of_12_bits_predicts_with_them_unless_told_otherwise(
    finished, trained_on_12_bits, tmp_path, capsys
):
    values = np.random.default_rng(0).integers(0, 4096, (40, 40)).astype(np.uint16)
    values[0, 0] = 4095
    twelve, eight = str(tmp_path / "a.png"), str(tmp_path / "b.png")
    cv2.imwrite(twelve, values)
    cv2.imwrite(eight, np.floor(values / 4095 * 255 + 0.5).astype(np.uint8))

    def predicted(run: Path, *words: str) -> dict[str, Any]:
        words = ("predict", str(run), *words, "--tta", "1", "--json", "-")
        assert main(list(words)) == 0
        (found,) = json.loads(capsys.readouterr().out)["predictions"]
        return found

    wanted = predicted(finished, eight)["probability"]
    noted = "grey range: the file's values reach 4095 of 65535"
    for words in (["--as", "roi"], ["--as", "auto"]):
        found = predicted(trained_on_12_bits, twelve, *words)
        assert found["probability"] == pytest.approx(wanted, abs=1e-6)
        assert not any(each.startswith(noted) for each in found["warnings"])
    overlay = str(tmp_path / "seen")
    given = predicted(finished, twelve, "--bits-stored", "12", "--overlay", overlay)
    assert given["probability"] == pytest.approx(wanted, abs=1e-6)
    full = predicted(trained_on_12_bits, twelve, "--bits-stored", "16")
    assert full["warnings"][0].startswith(noted)
    assert full["probability"] == predicted(finished, twelve)["probability"]
    sixteen = str(tmp_path / "c.png")
    cv2.imwrite(sixteen, values * np.uint16(16))
    assert main(["predict", str(trained_on_12_bits), sixteen]) == 2
    assert (
        "at most 4095, the greatest of 12 bits (by --bits-stored; where that is not "
        "given, as in the model's training files). Give --bits-stored 16.\n"
    ) in capsys.readouterr().err
    predicted(trained_on_12_bits, sixteen, "--bits-stored", "16")
    words = ["predict", str(finished), twelve, "--bits-stored", "10"]
    assert main(words) == 2
    assert "a.png: grey range. Received: values up to 4095" in capsys.readouterr().err


def test_pictures_are_written(finished, rois, tmp_path):
    file = sorted(rois.iterdir())[0]
    words = ["predict", str(finished), str(file), "--crop", "roi"]
    words += ["--box", "4,4,20,20", "--overlay", str(tmp_path / "seen")]
    assert main([*words, "--tta", "1"]) == 0
    (picture,) = (tmp_path / "seen").iterdir()
    assert picture.name == f"0000-{file.stem}.png"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--box", "1,2,3"], "--box. Received: '1,2,3'; expected four whole numbers"),
        (["--box", "1,2,0,4"], "expected a width and a height of at least 1"),
        (["--box", "1,2,3,4", "--mask", "m.png"], "Give --box or --mask"),
        (["--bits-stored", "17"], "--bits-stored must be 1 to 16. Received: 17"),
        (["--as", "rio"], "did you mean 'roi'?"),
        (["--json", "-", "--csv", "-"], "cannot both go to stdout"),
        (["--box", "900,900,9,9", "--crop", "roi"], "lies outside the image"),
        (["--box", "1,1,9,9", "--crop", "fixed"], "Give --pixel-spacing, or"),
        (["--mask", "absent.png", "--crop", "roi"], "absent.png: "),
    ],
)
def test_a_wrong_argument_is_named(finished, rois, error_of, words, expected):
    file = str(next(rois.iterdir()))
    assert expected in error_of(["predict", str(finished), file, *words])


def test_box_and_mask_are_for_one_file(finished, rois, error_of):
    words: list[Any] = ["predict", str(finished), str(rois), "--box", "1,1,9,9"]
    assert "--box and --mask are for one FILE" in error_of(words)


def test_a_job_that_is_killed_goes_on(
    finished: Path, rois: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = tmp_path / "many"
    many.mkdir()
    sources = sorted(rois.iterdir())
    for i in range(400):
        os.link(sources[i % len(sources)], many / f"{i:03d}.png")
    words = ["predict", str(finished), str(many), "--tta", "8", "--csv"]
    assert main([*words, str(tmp_path / "wanted.csv")]) == 0
    wanted = (tmp_path / "wanted.csv").read_bytes()
    assert wanted.count(b"\n") == 401
    out = tmp_path / "out.csv"
    journal = tmp_path / ".out.csv.partial" / "journal.jsonl"
    job = start(*words, str(out))
    until(lambda: journal.exists() and journal.read_bytes().count(b"\n") > 20, job)
    job.kill()
    job.communicate()
    before = journal.read_bytes().count(b"\n") - 1
    assert before < 400, "killed too late"
    assert not out.exists()
    capsys.readouterr()
    assert main([*words, str(out)]) == 0
    said = capsys.readouterr().err
    assert f"{before - before % 4} of 400 files were classified before" in said
    assert out.read_bytes() == wanted
    assert not journal.parent.exists()


def test_two_jobs_do_not_write_one_file(
    finished: Path, rois: Path, tmp_path: Path, error_of: Any
) -> None:
    out = tmp_path / "out.csv"
    with locked(tmp_path / ".out.csv.partial"):
        said = error_of(["predict", str(finished), str(rois), "--csv", str(out)])
    assert ".out.csv.partial: another process is writing it" in said


def test_more_rows_than_can_be_read_are_in_the_file_alone(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.png").write_bytes(b"no image")
    many = tmp_path / "many"
    many.mkdir()
    for i in range(1001):
        os.link(tmp_path / "bad.png", many / f"{i}.png")
    out = tmp_path / "out.csv"
    assert main(["predict", str(finished), str(many), "--csv", str(out)]) == 2
    assert capsys.readouterr().out.splitlines()[0] == f"1001 rows: {out}"
    assert len(pd.read_csv(out)) == 1001
