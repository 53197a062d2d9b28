"""`keras-wa explain`: what it writes is what the explanations say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from keras_wa.cli import main
from keras_wa.evaluate.roi_sample import draw_sample
from keras_wa.explain.deletion import deletion_areas, deletion_curves
from keras_wa.explain.gates import gate_profiles
from keras_wa.explain.gradcam import grad_cam
from keras_wa.explain.model_inputs import roi_probability
from keras_wa.explain.scores import energy_in_mask
from keras_wa.files import write_json
from keras_wa.training.best import load_best
from keras_wa.training.data import load_data
from keras_wa.training.run import FORMAT, Run
from tests.tiny_model import tiny

N = 12
Explained = tuple[Path, str]


def _top_half(_: Any, sample: Any) -> tuple[list[np.ndarray], None]:
    mask = np.zeros(sample.pixels.shape[1:], bool)
    mask[: len(mask) // 2] = True
    return [mask] * len(sample.cases), None


@pytest.fixture(scope="module")
def explained(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Explained:
    """A run that was explained with a mask for every ROI, and what was said."""
    path = tmp_path_factory.mktemp("explained") / "run"
    shutil.copytree(finished, path)
    capture = pytest.MonkeyPatch()
    lines: list[str] = []
    capture.setattr("keras_wa.cli.explain.say", lines.append)
    capture.setattr("keras_wa.cli.explain.warn", lines.extend)
    capture.setattr("keras_wa.evaluate.explain_run.read_masks", _top_half)
    assert main(["explain", str(path), "--n", str(N), "--random", "2"]) == 0
    capture.undo()
    return path, "\n".join(lines)


def _scores(path: Path, folder: str = "explain") -> dict[str, Any]:
    file = path / "evaluation" / "test" / folder / "scores.json"
    return json.loads(file.read_text())


def test_the_files_are_those_that_are_promised(explained):
    folder = explained[0] / "evaluation" / "test" / "explain"
    pictures = {"gates.png", "gradcam.png", "subbands.png"}
    assert {f.name for f in folder.iterdir()} == {"scores.json", "gates.csv", *pictures}
    for name in pictures:
        assert (folder / name).read_bytes().startswith(b"\x89PNG")


def test_the_scores_are_those_of_the_best_models_heat(explained):
    path, record = explained[0], _scores(explained[0])
    run = Run.open(path)
    model, data = load_best(run), load_data(run.config)
    sample = draw_sample(data, "test", N)
    heat = grad_cam(model, sample.rois[..., None])
    masks, _ = _top_half(None, sample)
    energy = energy_in_mask(heat, np.stack(masks)).mean()
    cells = record["localisation"]["all"]["energy_in_mask"]
    assert cells["trained"]["value"] == pytest.approx(energy, abs=1e-5)
    assert cells["chance"]["value"] == 0.5
    assert {"random", "trained_minus_random"} <= set(cells)
    curves = deletion_curves(roi_probability(model), sample.rois, heat)
    area = record["deletion"]["all"]["heat"]["value"]
    assert area == pytest.approx(deletion_areas(curves).mean(), abs=1e-4)
    assert record["n_rois"] == N
    assert record["n_patients"] == sample.cases["patient_id"].nunique()
    assert record["randomisation"]["networks"] == 2
    assert record["map_size"] == [8, 8]
    per_class = record["localisation"]
    counts = [per_class[name]["n_rois"] for name in ("benign", "malignant")]
    assert counts == [(sample.labels == 0).sum(), (sample.labels == 1).sum()]


def test_the_gates_are_those_of_the_best_model(explained):
    path = explained[0]
    run = Run.open(path)
    sample = draw_sample(load_data(run.config), "test", N)
    expected = gate_profiles(load_best(run), sample.rois[..., None], sample.labels)
    table = pd.read_csv(path / "evaluation" / "test" / "explain" / "gates.csv")
    pd.testing.assert_frame_equal(table, expected, atol=1e-6)


def test_the_terminal_shows_the_scores_and_that_it_is_a_phantom(explained):
    path, said = explained
    energy = _scores(path)["localisation"]["all"]["energy_in_mask"]["trained"]["value"]
    assert f"energy in mask, all       trained {energy:.3f}" in said
    assert "This is a phantom" in said
    assert f"Written: {path / 'evaluation' / 'test' / 'explain'}" in said


def test_explaining_again_gives_the_same_scores(explained, tmp_path, monkeypatch):
    monkeypatch.setattr("keras_wa.evaluate.explain_run.read_masks", _top_half)
    words = ["--n", str(N), "--random", "2", "--out", str(tmp_path / "new")]
    assert main(["explain", str(explained[0]), *words]) == 0
    again = json.loads((tmp_path / "new" / "scores.json").read_text())
    assert again == _scores(explained[0])


def test_a_network_of_subbands_scores_as_the_one_that_makes_them_itself(
    explained, tmp_path, monkeypatch
):
    path = tmp_path / "run"
    shutil.copytree(explained[0], path)
    run = Run.open(path)
    outside = tiny(dwt="pipeline")
    outside.set_weights(load_best(run).get_weights())
    outside.save(run.best)
    write_json(
        path / "config.json",
        {"format": FORMAT, **run.config.to_mapping(), "dwt": "pipeline"},
    )
    monkeypatch.setattr("keras_wa.evaluate.explain_run.read_masks", _top_half)
    words = ["--n", str(N), "--random", "0", "--out", str(tmp_path / "out")]
    assert main(["explain", str(path), *words]) == 0
    record = json.loads((tmp_path / "out" / "scores.json").read_text())
    expected = _scores(path)
    for score in ("pointing_game", "energy_in_mask"):
        found, wanted = (
            each["localisation"]["all"][score] for each in (record, expected)
        )
        for name in ("trained", "chance", "trained_minus_chance"):
            assert found[name] == pytest.approx(wanted[name], abs=1e-3)
    found, wanted = (each["deletion"]["all"] for each in (record, expected))
    for name in ("heat", "random_order"):
        assert found[name] == pytest.approx(wanted[name], abs=1e-3)
    assert (tmp_path / "out" / "subbands.png").is_file()


def test_occlusion_has_a_folder_of_its_own_and_needs_no_masks(
    explained, monkeypatch, capsys
):
    path = explained[0]
    before = _scores(path)
    nothing = ([None] * 4, "This data set has no masks.")
    monkeypatch.setattr("keras_wa.evaluate.explain_run.read_masks", lambda *_: nothing)
    words = ["--method", "occlusion", "--patch", "16", "--stride", "16"]
    assert main(["explain", str(path), "--n", "4", "--random", "0", *words]) == 0
    record = _scores(path, "explain-occlusion")
    assert record["patch"] == record["stride"] == 16
    assert record["localisation"] is None
    assert record["randomisation"] is None
    assert "*** This data set has no masks." in capsys.readouterr().out
    folder = path / "evaluation" / "test" / "explain-occlusion"
    assert (folder / "occlusion.png").is_file()
    assert _scores(path) == before


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--method", "gradcm"], "did you mean 'gradcam'?"),
        (["--split", "tset"], "No ROI is in the split 'tset'"),
        (["--layer", "gte"], "did you mean 'gate'?"),
        (
            ["--patch", "4"],
            "--patch belongs to the other method. Received:",
        ),
        (["--method", "occlusion", "--patch", "99"], "expected 1 to 32 pixels"),
        (["--method", "occlusion", "--stride", "5"], "expected 1 to 4 pixels"),
        (
            ["--method", "occlusion", "--layer", "gate"],
            "--layer belongs to the other method",
        ),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_is_written(
    finished, tmp_path, error_of, words, expected
):
    out = tmp_path / "out"
    line = error_of(["explain", finished, "--n", "3", "--out", out, *words])
    assert expected in line
    assert not out.exists()
