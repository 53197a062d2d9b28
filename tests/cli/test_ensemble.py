"""`keras-wa ensemble`: several runs give one answer, wherever a run can."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
import pytest
import tensorflow as tf

from keras_wa import MammogramClassifier
from keras_wa.cli import main
from keras_wa.export.saved_model import explaining_function
from keras_wa.inference.classifier import Classifier, open_classifier
from keras_wa.layers import CLAHE
from keras_wa.metrics import apply_temperature
from keras_wa.training.best import load_best, weights_digest
from keras_wa.training.config import TrainConfig
from keras_wa.training.data import load_data
from keras_wa.training.decision import decide, make_decision, read_decision
from keras_wa.training.fit import train
from keras_wa.training.run import Run
from tests.cli.failing import ErrorOf
from tests.inference.dicom_out.sources import digital
from tests.server.clients import encoded, service, smooth
from tests.tiny_model import SETTINGS

ROIS = np.stack([smooth(32, 32, seed) for seed in range(4)])


@pytest.fixture(scope="module")
def members(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two seeds of one system, and another system."""
    folder, store = tmp_path_factory.mktemp("members"), finished.parent
    paths = [folder / "seed1", folder / "other"]
    for path, model in zip(paths, ("tiny", "attention_cnn"), strict=True):
        own = {"model": model, "epochs": 1, "seed": 1, "store_dir": str(store)}
        run = Run.create(path, TrainConfig(**{**SETTINGS, **own}))
        data = load_data(run.config)
        train(run, data)
        make_decision(run, data)
    return [finished, *paths]


@pytest.fixture(scope="module")
def ensemble(members: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ensemble") / "run"
    assert main(["ensemble", *map(str, members), "--out", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def classifier(ensemble: Path) -> Classifier:
    """Of the ensemble's SavedModel."""
    return open_classifier(ensemble)


@pytest.fixture(scope="module")
def alone(members: list[Path]) -> np.ndarray:
    """Each member's calibrated probability of malignant, `(members, n)`."""
    found = [MammogramClassifier.from_preset(path).predict(ROIS) for path in members]
    return np.stack(found)[..., -1]


def predicted(model: Path, tmp_path: Path, *more: str) -> list[dict[str, Any]]:
    """What `predict` says of the ROIs, as JSON."""
    for i, roi in enumerate(ROIS):
        assert cv2.imwrite(str(tmp_path / f"{i}.png"), roi)
    files = [str(tmp_path / f"{i}.png") for i in range(len(ROIS))]
    out = tmp_path / "found.json"
    assert main(["predict", str(model), *files, "--json", str(out), *more]) == 0
    return json.loads(out.read_text())["predictions"]


def test_the_network_gives_the_mean_of_what_the_members_predict(
    ensemble: Path, alone: np.ndarray
) -> None:
    assert np.ptp(alone, axis=0).min() > 1e-3, "the members differ"
    model = MammogramClassifier.from_preset(ensemble)
    found = np.asarray(model(ROIS[..., np.newaxis]))
    np.testing.assert_allclose(found[:, -1], alone.mean(axis=0), rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["run", "SavedModel", "preset"])
def test_predict_gives_the_mean_and_the_spread_of_the_members(
    ensemble: Path, alone: np.ndarray, tmp_path: Path, kind: str
) -> None:
    model = {"run": ensemble, "SavedModel": ensemble / "saved_model"}.get(kind)
    if model is None:
        model = tmp_path / "preset"
        MammogramClassifier.from_preset(ensemble).save_to_preset(model)
    decision = read_decision(Run.open(ensemble))
    assert decision is not None
    wanted = {
        "probability": alone.mean(axis=0),
        "members_low": alone.min(axis=0),
        "members_high": alone.max(axis=0),
    }
    found = predicted(model, tmp_path)
    for name, values in wanted.items():
        calibrated = apply_temperature(values, decision.temperature)
        got = [each[name] for each in found]
        np.testing.assert_allclose(got, calibrated, rtol=0, atol=1e-4)
    for each in found:
        assert each["members_low"] < each["probability"] < each["members_high"]
        assert each["low"] <= each["probability"] <= each["high"]


def test_a_single_model_has_no_members(finished: Path, tmp_path: Path) -> None:
    for each in predicted(finished, tmp_path, "--tta", "1"):
        assert each["members_low"] is each["members_high"] is None


def test_the_table_has_the_spread_of_an_ensemble_alone(
    ensemble: Path, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cv2.imwrite(str(tmp_path / "roi.png"), ROIS[0])
    (tmp_path / "bad.png").write_bytes(b"no image")
    for model in (ensemble, finished):
        assert main(["predict", str(model), str(tmp_path)]) == 0
        table = capsys.readouterr().out
        assert ("spread over members" in table) == (model == ensemble)
        assert "not classified" in table


def test_the_run_records_its_members(ensemble: Path, members: list[Path]) -> None:
    run = Run.open(ensemble)
    recorded = run.config.custom["members"]
    assert [Path(each["run"]) for each in recorded] == members
    assert [each["model"] for each in recorded] == ["tiny", "tiny", "attention_cnn"]
    assert [each["seed"] for each in recorded] == [0, 1, 1]
    for each, path in zip(recorded, members, strict=True):
        assert each["weights"] == weights_digest(Run.open(path))
        decision = read_decision(Run.open(path))
        assert decision is not None
        assert each["temperature"] == decision.temperature
    assert run.config.model_title == "ensemble of 3: tiny, attention_cnn"
    split = Path("split.csv")
    assert (ensemble / split).read_bytes() == (members[0] / split).read_bytes()
    assert read_decision(run) == decide(load_best(run), load_data(run.config))


def test_the_members_are_one_more_output_of_the_saved_model(
    ensemble: Path, classifier: Classifier
) -> None:
    loaded = tf.saved_model.load(str(ensemble / "saved_model"))
    rois = tf.constant(ROIS[..., np.newaxis])
    plain = loaded.serve(rois)
    found = loaded.signatures["serving_default"](roi=rois)
    assert set(found) == {"output_0", "members"}
    assert found["members"].shape == (len(ROIS), 3, 2)
    np.testing.assert_allclose(np.mean(found["members"], axis=1), plain, atol=1e-6)
    np.testing.assert_allclose(found["output_0"], plain, atol=1e-6)
    np.testing.assert_allclose(classifier(ROIS), plain, atol=1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least 32 px"):
        loaded.signatures["serving_default"](roi=rois[:, :20])


def test_the_preprocessing_runs_once(ensemble: Path) -> None:
    model = MammogramClassifier.from_preset(ensemble).serving_model()
    inside = [*model.layers, *model.layers[-1].layers]
    assert sum(isinstance(each, CLAHE) for each in inside) == 1


def test_the_service_answers_with_the_spread(
    classifier: Classifier, alone: np.ndarray
) -> None:
    with service(classifier) as client:
        files = {"file": ("x", encoded(ROIS[0]))}
        record = client.post("/predict", files=files).json()
        assert record["members_low"] < record["probability"] < record["members_high"]
        rois = {"instances": ROIS[..., np.newaxis].tolist()}
        found = client.post("/v1/models/wa:predict", json=rois).json()
    found = np.array(found["predictions"])
    assert found.shape == (len(ROIS), 2)
    np.testing.assert_allclose(found[:, 1], alone.mean(axis=0), atol=1e-4)


def test_a_dicom_report_names_one_algorithm_and_the_spread(
    ensemble: Path, tmp_path: Path
) -> None:
    digital(tmp_path)
    image, out = str(tmp_path / "digital.dcm"), str(tmp_path / "out")
    words = [image, "--as", "roi", "--dicom-out", out]
    assert main(["predict", str(ensemble), *words]) == 0
    (report,) = Path(out).glob("*-report.dcm")
    text = pydicom.dcmread(report).to_json()
    recorded = Run.open(ensemble).config.custom["members"]
    assert f"weights {weights_digest(Run.open(ensemble))}" in text
    assert not any(each["weights"] in text for each in recorded)
    assert "Members of the ensemble: probabilities from 0." in text


def test_it_is_evaluated_as_a_run(ensemble: Path) -> None:
    assert main(["evaluate", str(ensemble), "--resamples", "20"]) == 0
    folder = ensemble / "evaluation" / "test"
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["model"] == "ensemble of 3: tiny, attention_cnn"
    assert "seed 1" in (folder / "report.html").read_text()
    preset = MammogramClassifier.from_preset(ensemble)
    assert preset.metadata["model"] == metrics["model"]
    assert preset.metadata["results"]["test"]["n_rois"] == metrics["n_rois"]


def test_it_explains_by_the_maps_of_all_members(ensemble: Path) -> None:
    run = Run.open(ensemble)
    network = load_best(run)
    explain, about = explaining_function(network, run.config)
    assert [about["heat"].count(f"member{i}_") for i in range(3)] == [1, 1, 1]
    assert [name for name, _ in about["gates"]] == ["member0_gate", "member1_gate"]
    found = explain(tf.constant(ROIS[..., np.newaxis]))
    assert found["heat"].shape == (len(ROIS), 32, 32)
    model = MammogramClassifier.from_preset(ensemble)
    np.testing.assert_allclose(
        found["probabilities"], model(ROIS[..., np.newaxis]), atol=1e-6
    )


def test_an_ensemble_is_not_trained_nor_a_seed(
    ensemble: Path, finished: Path, tmp_path: Path, error_of: ErrorOf
) -> None:
    # Lines about the run come first, on stdout.
    assert "is an ensemble, which cannot be trained" in error_of(
        ["train", "--resume", "--run-dir", ensemble]
    )
    words = ["compare", finished, ensemble, "--out", tmp_path / "comparison"]
    assert "is an ensemble. Expected: runs of trainings" in error_of(words)


def with_config(**changes: Any) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        config = json.loads((path / "config.json").read_text())
        (path / "config.json").write_text(json.dumps({**config, **changes}))

    return change


def with_other_pixels(path: Path) -> None:
    text = (path / "split.csv").read_text()
    digest = text.splitlines()[1].rsplit(",")[-1]
    (path / "split.csv").write_text(text.replace(digest, "0" * len(digest), 1))


def with_other_split(path: Path) -> None:
    text = (path / "split.csv").read_text()
    (path / "split.csv").write_text(text.replace(",train,", ",test,", 1))


def without(name: str) -> Callable[[Path], None]:
    return lambda path: (path / name).unlink()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (with_config(classes=3), "a different `classes` than"),
        (with_config(data_seed=3), "a different `data_seed` than"),
        (with_config(split="patient-kfold"), "a different `split` than"),
        (with_config(field_mm=12.0), "a different `field_mm` than"),
        (with_config(crop="roi"), "a different `crop` than"),
        (with_config(enhance="none"), "a different `enhance` than"),
        (with_config(image_size=64), "a different `image_size` than"),
        (with_config(views="two"), "was trained with views='two'"),
        (with_config(dwt="pipeline"), "a different `input_wavelet` than"),
        (with_other_pixels, "1 of 160 ROIs have different pixels"),
        (with_other_split, "the ROIs or their split are no longer those of the run"),
        (without("decision.json"), "has no decision.json"),
        (without("best.keras"), "has no best.keras"),
        (without("config.json"), "is not a run directory"),
    ],
    # The functions have no text that is the same in every process.
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_member_that_does_not_fit_is_refused_in_one_line(
    members: list[Path],
    tmp_path: Path,
    error_of: ErrorOf,
    change: Callable[[Path], None],
    reason: str,
) -> None:
    other, out = tmp_path / "other", tmp_path / "ensemble"
    shutil.copytree(members[1], other, ignore=shutil.ignore_patterns("saved_model"))
    change(other)
    line = error_of(["ensemble", members[0], other, "--out", out])
    assert reason in line.replace("--data-dir", "`data_dir`")
    assert str(other) in line
    assert not out.exists()


def test_fewer_than_two_members_are_refused(
    finished: Path, ensemble: Path, tmp_path: Path, error_of: ErrorOf
) -> None:
    out = ["--out", tmp_path / "ensemble"]
    assert "expected at least 2" in error_of(["ensemble", finished, *out])
    line = error_of(["ensemble", finished, finished, *out])
    assert "has the same weights as" in line
    line = error_of(["ensemble", finished, ensemble, *out])
    assert "is an ensemble. Expected: runs of trainings." in line


def test_an_existing_folder_is_kept(
    members: list[Path], ensemble: Path, error_of: ErrorOf
) -> None:
    before = weights_digest(Run.open(ensemble))
    line = error_of(["ensemble", *members[:2], "--out", ensemble])
    assert "already exists" in line
    assert "name another --out" in line
    assert weights_digest(Run.open(ensemble)) == before
