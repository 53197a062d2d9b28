"""`keras-wa enhance`."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from keras_wa.cli import main
from keras_wa.data.io.clahe import clahe
from keras_wa.data.phantom_tree.phantom_lists import phantom_case_lists
from keras_wa.data.phantom_tree.phantom_tree import write_phantom_tree
from keras_wa.phantom import PhantomSpec, phantom_cases, render_mask, render_roi
from tests.data.pipeline.folders import make_folder

PHANTOM = ["--dataset", "phantom", "--rois", "60", "--image-size", "64"]
PHANTOM += ["--field-mm", "7.3", "--conspicuity", "2", "--resamples", "50"]
FILES = {"table1.md", "enhancement.json", "enhancement.csv", "figure1.png"}


def enhance(out: Path, *words: str | Path) -> tuple[dict, pd.DataFrame]:
    """Runs the command; gives the record and the table that it wrote."""
    assert main(["enhance", *map(str, words), "--out", str(out)]) == 0
    assert {path.name for path in out.iterdir()} == FILES
    record = json.loads((out / "enhancement.json").read_text())
    return record, pd.read_csv(out / "enhancement.csv")


def test_a_phantom_is_measured_end_to_end(tmp_path, capsys):
    record, table = enhance(tmp_path / "new" / "out", *PHANTOM, "--n", "12")
    out = capsys.readouterr().out
    page = (tmp_path / "new" / "out" / "table1.md").read_text()
    assert len(table) == record["n_rois"] == 12
    assert record["n_patients"] == table["patient_id"].nunique()
    assert record["n_without_mask"] == 0
    assert record["settings"]["clip_limit"] == 2.0
    assert record["settings"]["conspicuity"] == 2.0
    contrast = record["measures"]["local_contrast"]
    assert contrast["after"]["value"] == pytest.approx(
        table["local_contrast_after"].mean()
    )
    assert contrast["change_percent"]["low"] > 0
    for text in (out, page):
        assert "This is a phantom" in text
        assert "| Mean local contrast | " in text
    assert cv2.imread(str(tmp_path / "new" / "out" / "figure1.png")).std() > 10


def test_each_roi_is_the_datasets_with_clahe_and_the_phantoms_mask(tmp_path):
    from keras_wa.evaluate.image_quality import measure_pair

    words = ["--clip-limit", "3", "--tiles", "4"]
    _, table = enhance(tmp_path, *PHANTOM, *words, "--n", "3")
    spec = PhantomSpec(size=64, field_mm=7.3, conspicuity=2.0)
    cases = phantom_cases(spec, n=60).set_index("roi_id", drop=False)
    for _, found in table.iterrows():
        row = cases.loc[found["roi_id"]]
        roi = render_roi(spec, row)
        mask = render_mask(spec, row, outline=True)
        expected = measure_pair(roi, clahe(roi, 3.0, (4, 4)), mask)
        assert dict(found[list(expected)]) == pytest.approx(expected, nan_ok=True)


def test_the_same_command_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        enhance(tmp_path / name, *PHANTOM, "--n", "5")
    for name in FILES - {"figure1.png"}:
        one, two = (tmp_path / each / name for each in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_rois_in_which_a_measure_is_undefined_are_counted(tmp_path, capsys):
    # A window of 16 pixels beside the outline is rare in 32 pixels.
    words = [*PHANTOM, "--image-size", "32", "--n", "20"]
    record, table = enhance(tmp_path, *words)
    without = int(table["snr_before"].isna().sum())
    assert without > 0
    assert record["measures"]["snr"]["n_rois"] == 20 - without
    told = f"*** {without} of 20 ROIs have no SNR: no window of background is left."
    assert told in capsys.readouterr().out


def test_a_dataset_without_masks_has_no_visibility_and_says_so(tmp_path, capsys):
    root = make_folder(tmp_path / "data")
    (root / "0" / "a00_0.png").write_bytes(b"")
    words = ["--data-dir", root, "--group-pattern", r"^(\w\d\d)", "--resamples", "50"]
    record, table = enhance(tmp_path / "out", *words, "--image-size", "32")
    out = capsys.readouterr().out
    assert len(table) == record["n_without_mask"] == 23
    assert table["visibility_before"].isna().all()
    assert set(table["no_visibility"]) == {"folder has no masks"}
    assert record["measures"]["visibility"]["n_rois"] == 0
    assert record["measures"]["local_contrast"]["n_rois"] == 23
    assert [name for name, _ in record["skipped"]] == ["0/a00_0.png"]
    assert "*** 23 of 23 ROIs have no mask, and so no visibility" in out
    assert "*** 1 of 24 ROIs could not be read and were left out" in out


def test_a_tree_of_cbis_ddsm_is_measured_with_its_masks(tmp_path):
    root = tmp_path / "tree"
    write_phantom_tree(
        root,
        phantom_case_lists(PhantomSpec(), 6),
        image_shape=(1600, 1100),
        workers=1,
        progress=False,
    )
    words = ["--dataset", "cbis-ddsm", "--data-dir", root, "--resamples", "50"]
    record, table = enhance(tmp_path / "out", *words, "--image-size", "128")
    assert len(table) == 6
    assert table["visibility_before"].notna().all()
    assert record["settings"]["crop"] == "fixed"
    assert record["notes"][0].startswith("This is a phantom")
    # An official crop is measured too, but for what needs a mask.
    record, table = enhance(tmp_path / "crop", *words, "--crop", "official")
    assert record["n_without_mask"] == 6
    assert np.isfinite(table["local_contrast_after"]).all()


def test_a_dataset_of_which_nothing_can_be_read_is_an_error(tmp_path, error_of):
    root = make_folder(tmp_path / "data")
    for path in root.glob("*/*.png"):
        path.write_bytes(b"")
    words = ["--data-dir", root, "--group-pattern", r"^(\w\d\d)"]
    line = error_of(["enhance", *words, "--out", tmp_path / "out"])
    assert "none of 24 ROIs could be read" in line
