"""Each kind of odd image file, by each way in: right, or refused by name."""

from __future__ import annotations

import base64
import dataclasses
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

from keras_wa.data import Dataset, ReadOptions, load_cases
from keras_wa.data.io.resize import resize
from keras_wa.errors import UserError
from keras_wa.inference.classifier import Classifier, open_classifier
from keras_wa.inference.predicting import predict_targets
from keras_wa.inference.targets import expand, find_targets
from tests.data.pipeline.folders import make_folder
from tests.data.readers import test_cmmd, test_inbreast, test_mini_mias
from tests.data.readers.cbis_ddsm.copies import case_row, write_copy
from tests.data.readers.medimeta_tree import write_medimeta
from tests.kinds import KINDS, UID, Kind
from tests.server.clients import service
from tests.tiny_model import tiny

SHAPE = (96, 81)
FAMILIARITY = ("size", "field of view", "edge", "intensity")


@dataclasses.dataclass(frozen=True)
class Seen:
    """What a way in made of an image.

    Attributes:
        grey: of the ROI, as it was read.
        window: of the ROI in the image: left, top, width, height; `None` for all of it.
        spacing: mm between rows, and what states it; `None` where none is known or
            asked for.
        said: all that a user gets to see of it.
        own: what of that is about the file itself.
    """

    grey: np.ndarray
    window: list[int] | None
    spacing: tuple[float, str] | None
    said: list[str]
    own: list[str]


def read(
    dataset: Dataset, is_odd: Callable[[pd.Series], bool], shape: tuple[int, int]
) -> tuple[Seen | str, tuple[int, int]]:
    """The ROI of the odd file, or why it was left out; and the image's shape."""
    rows = [row for _, row in dataset.cases.iterrows() if is_odd(row)]
    if not rows:
        reasons = [f"{name}: {reason}" for name, reason in dataset.skipped]
        return "\n".join([*reasons, *dataset.notes]), shape
    roi = dataset.read(rows[0])
    facts, own = roi.facts, roi.facts.get("notes", [])
    stated = "pixel_spacing_mm" in facts
    spacing = (facts["pixel_spacing_mm"], facts["spacing_from"]) if stated else None
    said = [*dataset.notes, *own]
    return Seen(roi.pixels, facts.get("window"), spacing, said, own), shape


Result = tuple[Seen | str, tuple[int, int]]


def by_folder(root: Path, kind: Kind, _: Any) -> Result:
    make_folder(root, 4)
    path = kind.write(root / "1", "odd", SHAPE)
    dataset = load_cases("folder", root, options=ReadOptions(**kind.options))
    return read(dataset, lambda row: row["image_path"] == f"1/{path.name}", SHAPE)


def by_csv(root: Path, kind: Kind, _: Any) -> Result:
    make_folder(root, 4)
    path = kind.write(root / "1", "odd", SHAPE)
    files = sorted(root.glob("?/*"))
    rows = [
        {
            "path": file.relative_to(root).as_posix(),
            "label": file.parent.name,
            # The PNG beside it stands in the table as well.
            "patient": "odd" if file.stem == path.stem else file.stem,
        }
        for file in files
    ]
    pd.DataFrame(rows).to_csv(root / "cases.csv", index=False)
    options = ReadOptions(crop="roi", **kind.options)
    dataset = load_cases("csv", root, options=options)
    return read(dataset, lambda row: row["image_path"] == f"1/{path.name}", SHAPE)


def by_cbis_ddsm(root: Path, kind: Kind, _: Any) -> Result:
    rows = [case_row(), case_row(patient="P_00003", pathology="BENIGN")]
    drawn = write_copy(root, rows, shape=(120, 100))
    roi_id = next(iter(drawn))
    crop = root / drawn[roi_id].paths["crop"]
    crop.unlink()
    if kind.plain:  # Then all of it is converted.
        for path in root.rglob("*.dcm"):
            assert cv2.imwrite(str(path.with_suffix(".png")), np.eye(9, 9) * 255)
            path.unlink()
    kind.write(crop.parent, crop.stem, SHAPE, SeriesDescription="cropped images")
    options = ReadOptions(crop="official", **kind.options)
    dataset = load_cases("cbis-ddsm", root, options=options)
    return read(dataset, lambda row: row["roi_id"] == roi_id, SHAPE)


def by_cmmd(root: Path, kind: Kind, _: Any) -> Result:
    test_cmmd.write_sheet(root, test_cmmd.breasts())
    for patient, *_rest in test_cmmd.breasts():
        path = test_cmmd.write_image(root, patient, 1)
    path.unlink()
    fields = {"PatientID": patient, "ImageLaterality": "L", "SOPInstanceUID": "1.2.9"}
    kind.write(path.parent, path.stem, SHAPE, **fields)
    dataset = load_cases("cmmd", root, options=ReadOptions(**kind.options))
    return read(dataset, lambda row: row["patient_id"] == patient, SHAPE)


def by_inbreast(root: Path, kind: Kind, _: Any) -> Result:
    shape = (600, 501)
    (root / "INbreast.csv").write_text(test_inbreast.COLUMNS + "\n")
    for number in range(6):
        marks = (test_inbreast.MASS, *test_inbreast.CLUSTER)
        name, patient = f"{22678600 + number}", f"{number:016x}"
        test_inbreast.write_case(root, name, patient, "25"[number % 2], *marks)
    (path,) = root.glob(f"AllDICOMs/{name}_*")
    path.unlink()
    kind.write(path.parent, path.stem, shape)
    options = ReadOptions(crop="roi", **kind.options)
    dataset = load_cases("inbreast", root, options=options)
    return read(dataset, lambda row: row["roi_id"].startswith(name), shape)


def by_medimeta(root: Path, kind: Kind, _: Any) -> Result:
    write_medimeta(root, shape=SHAPE)
    old = "images/000005.tiff"
    (root / old).unlink()
    path = kind.write(root / "images", "000005", SHAPE)
    new = f"images/{path.name}"
    for listing in (root / "splits" / "train.txt", root / "annotations.csv"):
        listing.write_text(listing.read_text().replace(old, new))
    try:
        dataset = load_cases("medimeta", root, options=ReadOptions(**kind.options))
    except UserError as error:
        return str(error), SHAPE
    return read(dataset, lambda row: row["crop_path"] == new, SHAPE)


def by_mini_mias(root: Path, kind: Kind, _: Any) -> Result:
    shape = (1024, 1024)
    test_mini_mias.write_list(root)
    for film in ("001", "178", "209", "212", "218", "249"):
        (root / f"mdb{film}.pgm").touch()
    kind.write(root, "mdb005", shape)
    options = ReadOptions(lesion="all", crop="roi", **kind.options)
    dataset = load_cases("mini-mias", root, options=options)
    return read(dataset, lambda row: row["roi_id"].startswith("mdb005"), shape)


def by_predict(root: Path, kind: Kind, classifier: Classifier) -> Result:
    kind.write(root, "odd", SHAPE)
    options = ReadOptions(crop="roi", **kind.options)
    notes: list[str] = []
    targets = find_targets(expand([str(root)], notes), **kind.options)
    (found,) = predict_targets(classifier, targets, options, tta=1)
    if found.error:
        return found.error, SHAPE
    spacing = (found.spacing_mm, found.spacing_from) if found.spacing_mm else None
    # The others compare the ROI with those of the training.
    own = [each for each in found.warnings if not each.startswith(FAMILIARITY)]
    return Seen(found.roi, None, spacing, [*notes, *own], own), SHAPE


def by_serve(root: Path, kind: Kind, classifier: Classifier) -> Result:
    path = kind.write(root, "odd", SHAPE)
    # The client's name of it is sent too.
    files = [("file", (file.name, file.read_bytes())) for file in root.iterdir()]
    assert path.name in [name for _, (name, _) in files]
    client: TestClient
    with service(classifier) as client:
        answer = client.post("/view", files=files, data=dict(kind.options))
        if answer.status_code != 200:
            return answer.json()["error"], SHAPE
        view = answer.json()
        record = client.post("/predict", files=files, data=dict(kind.options)).json()
    assert set(view["notes"]) <= set(record["warnings"])
    stored = np.frombuffer(base64.b64decode(view["pixels"]), "<u2").reshape(SHAPE)
    levels = np.frombuffer(base64.b64decode(view["levels"]), np.uint8)
    stated = (view["spacing_mm"] or [None])[0]
    assert stated == record["pixel_spacing_mm"]
    spacing = (stated, view["spacing_from"]) if stated else None
    return Seen(levels[stored], None, spacing, view["notes"], view["notes"]), SHAPE


READERS: dict[str, Callable[[Path, Kind, Any], Result]] = {
    "folder": by_folder,
    "csv": by_csv,
    "cbis-ddsm": by_cbis_ddsm,
    "cmmd": by_cmmd,
    "inbreast": by_inbreast,
    "medimeta": by_medimeta,
    "mini-mias": by_mini_mias,
    "predict": by_predict,
    "serve": by_serve,
}

# Where a kind cannot be read right, a part of what says so.
REFUSED = {
    # The patient is known by the file's name only.
    ("named by its UID", "inbreast"): "no DICOM file such as 22678605_<patient>_MG_",
    # So is the image's number.
    ("named by its UID", "medimeta"): "expected a path such as images/000012.tiff",
    # So is the film.
    ("named by its UID", "mini-mias"): "mdb005.pgm: the image is missing",
    # These are published as DICOM, and the patient stands in it, or in its name.
    ("12 bits in 16", "cmmd"): "breast LEFT of D1-0012: no image of it was found",
    ("12 bits in 16, given", "cmmd"): "left out because they are not DICOM: 1",
    ("12 bits in 16", "inbreast"): "no DICOM file such as 22678605_<patient>_MG_",
    ("12 bits in 16, given", "inbreast"): "left out because they are not DICOM: 1",
    # A request has one file.
    ("PNG beside it", "serve"): "Too many files. Maximum number of files is 1.",
}
OTHER_NOTES = {
    # A table names its files itself, so that both are read; the note warns of it.
    ("PNG beside it", "csv"): "same name but for the suffix: 2, such as",
    # So do lists, which do not name the PNG.
    ("PNG beside it", "medimeta"): "",
}


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classifier]:
    path = tmp_path_factory.mktemp("model") / "tiny.keras"
    tiny(image_size=32).save(path)
    return open_classifier(path)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", KINDS)
def test_an_odd_file_is_read_right_or_refused_by_name(
    tmp_path: Path, classifier: Classifier, name: str, reader: str
) -> None:
    kind = KINDS[name]
    seen, shape = READERS[reader](tmp_path, kind, classifier)
    if (name, reader) in REFUSED:
        assert isinstance(seen, str)
        assert REFUSED[name, reader] in seen
        return
    assert isinstance(seen, Seen), seen
    left, top, width, height = seen.window or (0, 0, *shape[::-1])
    assert min(left, top) >= 0
    expected = kind.shown(shape)[top : top + height, left : left + width]
    assert len(np.unique(expected)) > 1
    if seen.grey.shape != expected.shape:  # As the network gets it.
        expected = resize(expected, seen.grey.shape)
    np.testing.assert_array_equal(seen.grey, expected)
    note = OTHER_NOTES.get((name, reader), kind.note)
    assert note in "\n".join(seen.said)
    if not note or kind.beside:
        assert seen.own == []
    if reader in ("folder", "medimeta"):
        assert seen.spacing is None  # Nothing is cut there, so that no length counts.
    elif kind.spacing is not None:
        assert seen.spacing == (pytest.approx(kind.spacing[0]), kind.spacing[1])
    else:
        assert seen.spacing is None or seen.spacing[1] == "assumed"


def test_the_table_knows_its_exceptions() -> None:
    cells = set(itertools.product(KINDS, READERS))
    assert {*REFUSED, *OTHER_NOTES} < cells
    assert KINDS["named by its UID"].name == UID
