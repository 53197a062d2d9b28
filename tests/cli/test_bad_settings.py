"""A setting that cannot be met ends in one line that says how to mend it.

Every range is tried in `tests/test_ranges.py`, every choice in `tests/training`.
"""

from __future__ import annotations

import pytest

from tests.tiny_model import flags


@pytest.mark.parametrize("command", ["evaluate", "explain", "export"])
def test_what_is_no_run_is_named(command, tmp_path, error_of):
    line = error_of([command, tmp_path / "nowhere"])
    assert "nowhere is not a run directory" in line


@pytest.mark.parametrize(
    ("changes", "words", "expected"),
    [
        ({"dataset": "foldr"}, [], "did you mean 'folder'?"),
        ({}, ["--model-option", "wavelett=haar"], "did you mean 'wavelet'?"),
        ({}, ["--model-option", "wavelet=harr"], "did you mean 'haar'?"),
        (
            {"dwt": "pipeline"},
            ["--model-option", "wavelet=harr"],
            "did you mean 'haar'?",
        ),
        (
            {"model": "wa_resnet50"},
            ["--model-option", "wavelet=bior2.22"],
            "did you mean 'bior2.2'?",
        ),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(
    tmp_path, store_dir, tiny_model, error_of, changes, words, expected
):
    settings = flags(store_dir=store_dir, run_dir=tmp_path / "run", **changes)
    line = error_of(["train", *settings, *words])
    assert line.endswith(expected)
    assert not any((tmp_path / "run").glob("*"))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"model": "wa_resnet50", "weights": "@/none.h5"}, "none.h5"),
        ({"weights": "@/none.h5"}, "'tiny'. Received: 'weights'"),
        ({"run_dir": "@/file/run"}, "--run-dir"),
    ],
)
def test_a_file_that_does_not_fit_is_named(
    tmp_path, store_dir, tiny_model, error_of, changes, expected
):
    (tmp_path / "file").write_text("no folder")
    settings = {"store_dir": store_dir, "run_dir": tmp_path / "run", **changes}
    words = [word.replace("@", str(tmp_path)) for word in flags(**settings)]
    assert expected in error_of(["train", *words])
    assert not any((tmp_path / "run").glob("*"))


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--learning-rate", "inf"], "--learning-rate must be"),
        (
            ["--split", "patient-kfold", "--fold", "5"],
            "--fold must be below --folds, 5. Received: 5",
        ),
        (["--fold", "1"], "--fold needs split='patient-kfold'. Received: fold=1"),
        (
            ["--enhance", "none", "--random-clahe", "0.5"],
            "--random-clahe varies CLAHE. Received: random_clahe=0.5",
        ),
        (["--model-option", "dropout=NaN"], "`dropout` must be"),
        (["--model-option", "dropout=true"], "`dropout` must be float"),
        (
            ["--model", "cnn_vit", "--model-option", "heads=0"],
            "`heads` must be at least 1. Received: 0",
        ),
        (["--model-option", "wavelet=2"], "`wavelet` must be str"),
    ],
)
def test_a_number_outside_its_range_is_named_and_nothing_is_written(
    tmp_path, tiny_model, error_of, words, named
):
    settings = flags(store_dir=tmp_path / "store", run_dir=tmp_path / "run")
    assert named in error_of(["train", *settings, *words])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "line",
    ["learning_rate = inf", "epochs = true", "model_options = {dropout = nan}"],
)
def test_a_config_file_is_checked_as_flags_are(tmp_path, tiny_model, error_of, line):
    path = tmp_path / "my.toml"
    path.write_text(f'model = "tiny"\ndataset = "phantom"\n{line}\n')
    place = ["--store-dir", tmp_path / "store", "--run-dir", tmp_path / "run"]
    field = line.split(" = ")[-2].lstrip("{")
    names = (f"`{field}`", f"'{field}'", f"--{field.replace('_', '-')}")
    error = error_of(["train", "--config", path, *place])
    assert any(f"{name} must be" in error for name in names)
    assert list(tmp_path.iterdir()) == [path]
