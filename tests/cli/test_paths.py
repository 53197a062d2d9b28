"""Every command works with every path that the system takes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from keras_wa.cli import main
from keras_wa.inference.classifier import open_classifier

ODD = "-x[1] *?ü\n'\"%,:#$^{\\"
_CONFIG = """
dataset = "folder"
model = "tiny"
image_size = 32
epochs = 1
batch_size = 8
"""
LATIN_1 = os.fsdecode(b"m\xfcller")


def filled(folder: Path, run: Path) -> Path:
    """A folder with a run, a set of ROIs, two ROIs and a config of the same name."""
    shutil.copytree(run, folder / "run")
    words = ["--rois", "60", "--size", "32", "--field-mm", "8"]
    assert main(["phantom", "--out", str(folder / "set"), *words]) == 0
    (folder / "few").mkdir()
    for roi in sorted((folder / "set").rglob("*.png"))[:2]:
        shutil.copy(roi, folder / "few" / f"{folder.name}{roi.stem}.png")
    (folder / f"{folder.name}.toml").write_text(_CONFIG)
    return folder


@pytest.fixture(scope="module")
def odd(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Such a folder whose name means something to shells, patterns and parsers; its run
    is evaluated and exported."""
    place = filled(tmp_path_factory.mktemp("paths") / ODD, finished)
    assert main(["evaluate", str(place / "run"), "--resamples", "10"]) == 0
    words = ["--out", str(place / "served"), "--explain"]
    assert main(["export", str(place / "run"), *words]) == 0
    return place


# Its words, with the folder's name for @, and what it writes.
COMMANDS = {
    "prepare --dataset folder --data-dir @/set --image-size 32 --store-dir @/stores": (
        "@/stores"
    ),
    "train --config @/@.toml --data-dir @/set --store-dir @/stores --run-dir @/new": (
        "@/new/saved_model/saved_model.pb"
    ),
    "evaluate @/run --resamples 10": "@/run/evaluation/test/report.html",
    "compare @/run --resamples 10 --out @/compared": "@/compared/comparison.html",
    "explain @/run --n 4 --out @/why": "@/why",
    "dashboard @/run --build-only --out @/board": "@/board",
    "export @/run --onnx @/m/@.onnx": "@/m/@.onnx",
    "audit folder --data-dir @/set --out @/audit": "@/audit/audit.html",
    "enhance --dataset folder --data-dir @/set --image-size 32 --n 8 --out @/low": (
        "@/low/figure1.png"
    ),
    "phantom --preview @/@.png --size 32 --field-mm 8": "@/@.png",
    "predict @/run @/few --overlay @/seen --json @/@.json --tta 1": "@/@.json",
    "predict @/served @/few --overlay @/seen --csv @/@.csv --tta 1": "@/@.csv",
}


def run_in(place: Path, command: str) -> None:
    """Runs a command as it is named from beside the folder, so its name comes first."""
    # Without the dot a parser would take the dash for a flag's.
    words = [f"./{each}" if each[0] == "@" else each for each in command.split()]
    assert main([word.replace("@", place.name) for word in words]) == 0
    assert Path(COMMANDS[command].replace("@", place.name)).exists()
    assert not list(place.rglob(".*partial*"))
    if "--overlay" in words:
        assert len(list((place / "seen").iterdir())) == 2
    if "--csv" in words:
        table = pd.read_csv(place / f"{place.name}.csv")
        assert table["error"].isna().tolist() == [True, True]
        assert {Path(name).parent.name for name in table["file"]} == {"few"}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each[:12])
def test_a_command_reads_and_writes_there(odd, monkeypatch, command):
    monkeypatch.chdir(odd.parent)
    run_in(odd, command)


def test_names_may_be_as_long_as_the_system_takes_them(finished, tmp_path, monkeypatch):
    place = filled(tmp_path / (200 * "n"), finished)
    for roi in (place / "few").iterdir():
        roi.rename(roi.with_name(f"{roi.stem[-20:]:x>250}.png"))
    monkeypatch.chdir(tmp_path)
    for command in COMMANDS:
        if command.startswith(("train", "predict @/run")):
            run_in(place, command)


def test_a_server_opens_what_lies_there(odd):
    rois = np.random.default_rng(0).integers(0, 256, (2, 32, 32), "uint8")
    wanted = open_classifier(odd / "run")(rois)
    for name in ("served", "run/best.keras"):
        found = open_classifier(odd / name)(rois)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4)


def test_a_name_that_is_no_utf8_is_classified_or_told(finished, tmp_path, error_of):
    roi = np.random.default_rng(0).integers(0, 256, (40, 40), "uint8")
    (tmp_path / f"{LATIN_1}.png").write_bytes(cv2.imencode(".png", roi)[1].tobytes())
    words = ["predict", str(finished), str(tmp_path), "--csv", str(tmp_path / "a.csv")]
    assert main([*words, "--overlay", str(tmp_path / "seen")]) == 0
    (name,) = pd.read_csv(tmp_path / "a.csv")["file"]
    assert name.endswith(r"m\udcfcller.png")
    run = ["--rois", "160", "--image-size", "32", "--field-mm", "8"]
    for words in (
        ["train", "--dataset", "phantom", *run, "--run-dir", LATIN_1],
        ["export", str(finished), "--out", str(tmp_path / LATIN_1)],
    ):
        assert "is not UTF-8" in error_of(words)


@pytest.mark.parametrize(
    "words",
    [["predict", "@", "x.png"], ["export", "@"], ["phantom", "--out", "@/x"]],
    ids=lambda words: words[0],
)
def test_a_name_that_is_too_long_is_told(words, error_of):
    line = error_of([word.replace("@", 300 * "n") for word in words])
    assert "File name too long" in line


def test_a_tilde_that_the_shell_leaves_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    words = ["--rois", "10", "--size", "32", "--field-mm", "8"]
    assert main(["phantom", "--out=~/set", *words]) == 0
    assert (tmp_path / "set").is_dir()
