"""What was predicted of a DICOM image goes back beside it, and the image stays."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
import xxhash

from keras_wa import MammogramClassifier
from keras_wa.cli import main
from keras_wa.data import ReadOptions
from keras_wa.data.io import Box
from keras_wa.errors import UserError
from keras_wa.inference.classifier import Classifier, open_classifier
from keras_wa.inference.dicom_results import (
    algorithm_of,
    draw,
    finding_of,
    write_results,
)
from keras_wa.inference.predicting import Prediction, Target, predict_targets
from tests.data.io.dicom_files import bytes_with
from tests.inference.dicom_out.conftest import errors_of
from tests.inference.dicom_out.sources import WHEN, digital
from tests.tiny_model import tiny

__all__ = ["errors_of"]

BOXES = [Box(20, 30, 25, 15), Box(60, 70, 30, 30)]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    digital(tmp_path)
    return tmp_path / "digital.dcm"


@pytest.fixture
def predictions(classifier: Classifier, image: Path) -> list[Prediction]:
    targets = [Target(image, box=box) for box in BOXES]
    return list(predict_targets(classifier, targets, ReadOptions(crop="roi")))


@pytest.fixture
def written(
    classifier: Classifier, predictions: list[Prediction], image: Path, tmp_path: Path
) -> list[Path]:
    """The report and the picture, beside which the image stays as it was."""
    before = image.read_bytes()
    paths = write_results(classifier, predictions, tmp_path / "out", 3, WHEN)
    assert image.read_bytes() == before
    return paths


def test_report_and_picture_are_valid(
    written: list[Path], errors_of: Callable[[Path], list[str]]
) -> None:
    for path in written:
        assert errors_of(path) == []


@pytest.mark.parametrize("preamble", [True, False])
def test_the_name_of_the_image_does_not_matter(
    classifier: Classifier, image: Path, tmp_path: Path, preamble: bool
) -> None:
    data = image.read_bytes()
    path = tmp_path / "MG.1.2.840.113619.2.66.10001"
    path.write_bytes(data if preamble else data[132:])
    targets = [Target(path, box=BOXES[0])]
    found = list(predict_targets(classifier, targets, ReadOptions(crop="roi")))
    report, picture = write_results(classifier, found, tmp_path / "out", 0, WHEN)
    assert report.name == f"0000-{path.name}-report.dcm"
    for result in map(pydicom.dcmread, (report, picture)):
        assert result.StudyInstanceUID == pydicom.dcmread(image).StudyInstanceUID


def test_the_report_reads_back(
    image: Path, predictions: list[Prediction], written: list[Path]
) -> None:
    from highdicom.sr import srread

    first, second = written
    assert first.name == "0003-digital-report.dcm"
    assert second.name == "0003-digital-overlay.dcm"
    source = pydicom.dcmread(image)
    groups = srread(first).content.get_planar_roi_measurement_groups()
    assert len(groups) == len(predictions)
    for group, prediction, box in zip(groups, predictions, BOXES, strict=True):
        found = [each.value for each in group.get_measurements()]
        wanted = (prediction.probability, prediction.low, prediction.high)
        assert found == pytest.approx([100 * each for each in wanted])
        corners = group.roi.value
        assert corners.min(axis=0).tolist() == [box.left, box.top]
        assert corners.max(axis=0).tolist() == [
            box.left + box.width,
            box.top + box.height,
        ]
    capture = pydicom.dcmread(second)
    assert capture.StudyInstanceUID == source.StudyInstanceUID
    assert capture.PatientID == source.PatientID
    assert (capture.Rows, capture.Columns) == (source.Rows, source.Columns)


def test_the_picture_shows_each_box(
    predictions: list[Prediction],
) -> None:
    called = [
        dataclasses.replace(each, malignant=i == 0)
        for i, each in enumerate(predictions)
    ]
    picture = draw(called)
    for box, colour in zip(BOXES, [(255, 64, 64), (0, 255, 255)], strict=True):
        right = box.left + box.width
        edge = picture[box.top + box.height, box.left : right + 1]
        assert (edge == colour).all()


def test_a_region_beyond_the_image_is_cut_to_it(
    predictions: list[Prediction],
) -> None:
    wide = dataclasses.replace(predictions[0].target, box=Box(-5, 100, 300, 400))
    finding = finding_of(dataclasses.replace(predictions[0], target=wide), 96, 128)
    assert finding.box == (0, 100, 96, 128)


def test_the_weights_are_named(finished: Path) -> None:
    names = {
        algorithm_of(open_classifier(finished / name)).version
        for name in ("", "best.keras", "saved_model")
    }
    assert len(names) == 1, "they are the same weights"
    (name,) = names
    digest = xxhash.xxh3_128_hexdigest((finished / "best.keras").read_bytes())
    assert name.endswith(f"weights {digest}")
    served = open_classifier(finished / "saved_model")
    with pytest.raises(UserError, match="no digest of them; expected one"):
        algorithm_of(dataclasses.replace(served, weights=""))


def test_a_network_without_a_run_is_named_by_its_weights(tmp_path: Path) -> None:
    model = MammogramClassifier(tiny(image_size=32))
    versions = []
    for name in ("one", "two", "other"):
        if name == "other":
            model.network.set_weights([2 * w for w in model.network.get_weights()])
        model.export(tmp_path / name)
        versions.append(algorithm_of(open_classifier(tmp_path / name)).version)
    assert versions[0] == versions[1] != versions[2]


def test_an_image_of_another_format_is_refused(
    classifier: Classifier, predictions: list[Prediction], tmp_path: Path
) -> None:
    path = tmp_path / "plain.png"
    path.write_bytes(b"")
    target = dataclasses.replace(predictions[0].target, file=path)
    plain = dataclasses.replace(predictions[0], target=target)
    with pytest.raises(UserError, match="expected DICOM"):
        write_results(classifier, [plain], tmp_path, 0, WHEN)


def test_the_command_writes_them_and_goes_on_without(
    finished: Path, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["predict", str(finished), str(image), "--box", "20,30,25,15"]
    words += ["--crop", "roi", "--tta", "1"]
    assert main([*words, "--dicom-out", str(tmp_path / "out")]) == 0
    assert len(list((tmp_path / "out").iterdir())) == 2
    bare = tmp_path / "bare"
    bare.mkdir()
    digital(bare, StudyInstanceUID=None)
    words[2] = str(bare / "digital.dcm")
    capsys.readouterr()
    assert main([*words, "--dicom-out", str(bare / "out")]) == 0
    assert "StudyInstanceUID" in capsys.readouterr().err
    assert np.size(list((bare / "out").iterdir())) == 0


@pytest.mark.filterwarnings("ignore:Unknown encoding")
def test_a_name_that_cannot_be_read_is_left_out_with_a_word(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = digital(
        tmp_path, ReferringPhysicianName=None, StudyDescription=None, PatientName=None
    )
    file = tmp_path / "odd.dcm"
    name, unknown = ("PN", "Müller".encode("latin-1")), ("CS", b"ISO_IR 999")
    file.write_bytes(bytes_with(source, PatientName=name, SpecificCharacterSet=unknown))
    words = ["predict", str(finished), str(file), "--box", "20,30,25,15"]
    words += ["--crop", "roi", "--tta", "1"]
    assert main([*words, "--dicom-out", str(tmp_path / "out")]) == 0
    heard = capsys.readouterr().err
    assert f"*** {file}: PatientName (0010,0010): not taken over" in heard
    results = list((tmp_path / "out").iterdir())
    assert len(results) == 2
    for result in map(pydicom.dcmread, results):
        assert (str(result.PatientName), result.PatientSex) == ("", "F")
