"""`keras-wa phantom`: what it writes, the datasets' readers read back."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pydicom
import pytest

from keras_wa.cli import main
from keras_wa.data import load_cases
from keras_wa.data.phantom_tree.phantom_lists import (
    phantom_case_lists,
    write_case_lists,
)
from keras_wa.phantom import PhantomSpec, phantom_cases, render_rois
from keras_wa.phantom.film import plan_film
from tests.cli.failing import ErrorOf
from tests.data.io.dicom_files import write_dicom

WORDS = ["phantom", "--size", "32", "--field-mm", "8", "--seed", "3"]


def test_labels_patients_splits_and_pixels_survive_the_way_through_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "set"
    assert main([*WORDS, "--rois", "60", "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert f"--dataset folder --data-dir {out} --group-pattern '^(.+?)__'" in told
    spec = PhantomSpec(seed=3, size=32, field_mm=8.0)
    cases = phantom_cases(spec, n=60)
    pixels = dict(zip(cases["roi_id"], render_rois(spec, cases), strict=True))

    dataset = load_cases("folder", data_dir=out, group_pattern="^(.+?)__")
    read = dataset.cases
    read["drawn_as"] = [Path(p).stem.split("__")[1] for p in read["image_path"]]
    both = read.merge(cases, left_on="drawn_as", right_on="roi_id", validate="1:1")
    assert len(both) == 60
    for column in ("label", "patient_id", "split"):
        assert list(both[f"{column}_x"]) == list(both[f"{column}_y"])
    for _, row in read.iterrows():
        np.testing.assert_array_equal(dataset.read(row).pixels, pixels[row["drawn_as"]])


def test_projected_views_are_drawn_into_files(tmp_path: Path) -> None:
    out = tmp_path / "set"
    assert main([*WORDS, "--projected-views", "--rois", "6", "--out", str(out)]) == 0
    spec = PhantomSpec(seed=3, size=32, field_mm=8.0, projected_views=True)
    cases = phantom_cases(spec, n=6)
    for name, image in zip(cases["roi_id"], render_rois(spec, cases), strict=True):
        (path,) = out.rglob(f"*__{name}.png")
        found = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        np.testing.assert_array_equal(found, image)


def test_a_contact_sheet_is_a_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sheet.png"
    assert (
        main(["phantom", "--size", "64", "--field-mm", "8", "--preview", str(path)])
        == 0
    )
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert min(picture.shape) > 200
    assert picture.std() > 5
    assert f"Phantom contact sheet: {path}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("labelling", "low", "high"), [("descriptor", 1.0, 1.0), ("clinical", 0.6, 0.95)]
)
def test_the_best_possible_auc_is_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    labelling: str,
    low: float,
    high: float,
) -> None:
    words = [*WORDS, "--rois", "4", "--out", str(tmp_path / "set")]
    assert main([*words, "--labelling", labelling]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"Best possible AUC ({labelling}): ")
    assert low <= float(last.rsplit(" ", 1)[1]) <= high


def test_existing_files_are_not_mixed_with_new_ones(
    tmp_path: Path, error_of: ErrorOf
) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "precious.txt").write_text("kept")
    line = error_of([*WORDS, "--out", tmp_path / "set"])
    assert "set already exists" in line
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["precious.txt"]


TREE = [
    *["phantom", "--layout", "tcia", "--seed", "3", "--field-mm", "8"],
    *["--image-height", "330", "--image-width", "220", "--pixel-mm", "0.1"],
]


def test_a_tree_is_read_as_cbis_ddsm(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tree"
    words = [*TREE, "--rois", "20", "--swapped", "0.5", "--names", "new", str(out)]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert f"--dataset cbis-ddsm --data-dir {out}" in told
    truth = pd.read_csv(out / "phantom_truth.csv")
    swapped = truth.drop_duplicates("roi_id")["swapped"].sum()
    assert f"Crop and mask swapped: {swapped}," in told
    read = load_cases("cbis-ddsm", data_dir=out).cases["roi_id"]
    assert set(read) == set(truth["roi_id"])
    assert len(read) == 20
    # Begun before with the same settings: nothing to do, and no complaint.
    assert main(words) == 0


def test_a_tree_follows_given_case_lists(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lists = tmp_path / "lists"
    lists.mkdir()
    cases = phantom_case_lists(PhantomSpec(seed=8), 30, "all")
    write_case_lists(cases, lists)
    words = [*TREE, "--case-lists", str(lists), "--compress", "none"]
    assert main([*words, "--lesion", "mass", "--out", str(tmp_path / "tree")]) == 0
    masses = cases[cases["lesion_type"] == "mass"]
    assert f"{len(masses)} phantom ROIs on" in capsys.readouterr().out
    for path in masses["crop_listed"]:
        meta = pydicom.dcmread(tmp_path / "tree" / path).file_meta
        assert not meta.TransferSyntaxUID.is_compressed
    assert main([*words, "--lesion", "all", "--rois", "12", str(tmp_path / "few")]) == 0
    few = pd.read_csv(tmp_path / "few" / "phantom_truth.csv")["roi_id"]
    assert 8 <= few.nunique() <= 12
    assert set(few) <= set(cases["roi_id"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "--preview PNG or --out DIR"),
        (["--out", "x", "--labelling", "descriptr"], "did you mean 'descriptor'?"),
        (["--out", "x", "--rois", "1"], "at least 2 ROIs. Received: n=1"),
        (["--layout", "tcia"], "Give --layout tcia DIR"),
        (["--layout", "tcia", "x", "--rois", "4"], "Received: 4; expected at least 5"),
        (["--layout", "tcai", "x"], "did you mean 'tcia'?"),
        (["--layout", "tcia", "x", "--out", "y"], "named twice"),
        (["--out", "x", "--swapped", "0.1"], "--swapped needs --layout tcia"),
        (["--layout", "tcia", "x", "--lesion", "masses"], "did you mean 'mass'?"),
        (["--layout", "tcia", "x", "--case-lists", "."], "calc_case_description"),
        (["--background", "normal"], "Give --out DIR with --background"),
        (["--out", "x", "--background", "normal"], "a.png: pixel spacing"),
        (["--out", "x", "--background", "absent"], "absent: cannot be listed"),
        (["--out", "x", "--pixel-spacing", "0.1"], "needs --background"),
        (
            ["--out", "x", "--background", "normal", "--pixel-spacing", "0.1"],
            "no lesion-free square of 25.6 mm is left",
        ),
        (
            ["--layout", "tcia", "x", "--background", "normal"],
            "--background needs --layout folders",
        ),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_is_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error_of: ErrorOf,
    words: list[str],
    expected: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("normal").mkdir()
    cv2.imwrite("normal/a.png", np.full((60, 60), 90, np.uint8))
    assert expected in error_of(["phantom", *words])
    assert [path.name for path in tmp_path.iterdir()] == ["normal"]


def test_lesions_in_real_tissue_are_read_back_with_each_patient_in_one_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "normal", tmp_path / "set"
    (folder / "below").mkdir(parents=True)
    spec = PhantomSpec(seed=9)
    for number in range(8):
        film = plan_film(
            spec, (450, 300), 0.1, f"{number}", f"{number}", "LEFT", "CC", 2, []
        ).draw()
        if number % 2:
            cv2.imwrite(str(folder / f"{number}.png"), film)
        else:
            path = folder / "below" / f"{number}.dcm"
            write_dicom(path, film, PixelSpacing=[0.1, 0.1])
    background = ["--background", str(folder), "--pixel-spacing", "0.1"]
    assert main([*WORDS, *background, "--rois", "70", "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "squares of 8 mm on 8 images" in told
    assert "*** 5 patients: each subfolder of" in told
    assert "*** 70 ROIs on" in told
    table = pd.read_csv(out / "backgrounds.csv").set_index("roi_id")
    dataset = load_cases("folder", data_dir=out, group_pattern="^(.+?)__")
    read = dataset.cases
    read["background"] = [
        table.loc[Path(path).stem.split("__")[1], "background"]
        for path in read["image_path"]
    ]
    assert len(read) == 70
    assert set(read["background"]) == {
        path.relative_to(folder).as_posix() for path in folder.glob("**/*.*")
    }
    owners = read["background"].str.split("/").str[0]
    assert (read.groupby(owners)["patient_id"].nunique() == 1).all()
    assert (read.groupby("patient_id")["split"].nunique() == 1).all()
    # By default an ROI a square.
    assert main([*WORDS, *background, "--out", str(tmp_path / "default")]) == 0
    told = capsys.readouterr().out
    squares = int(told.split("Backgrounds: ")[1].split(" ")[0])
    assert f"{squares} phantom ROIs" in told
    assert "some overlap" not in told
