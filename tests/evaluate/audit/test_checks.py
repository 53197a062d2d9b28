from __future__ import annotations

import dataclasses
import json
import time

import cv2
import jsonschema
import numpy as np
import pytest

from keras_wa.data import (
    Dataset,
    ReadOptions,
    Roi,
    load_cases,
    split_cases,
    split_hash,
)
from keras_wa.errors import UserError
from keras_wa.evaluate.audit.checks import run_audit
from keras_wa.evaluate.audit.findings import AuditReport
from keras_wa.evaluate.audit.record import to_record
from keras_wa.phantom import PhantomSpec
from tests.evaluate.audit.tables import pictures, table
from tests.evaluate.audit.test_record import SCHEMA

CHECKS = [
    "patients",
    "duplicates",
    "label conflicts",
    "recall",
    "metadata",
    "names",
    "statistics",
    "files",
]


def small_phantom() -> Dataset:
    return load_cases("phantom", phantom=PhantomSpec(size=64, field_mm=12.8), limit=80)


def audit(dataset, **settings) -> tuple[AuditReport, np.ndarray | None]:
    few = {"resamples": 20, "image_size": 64, "progress": False, **settings}
    return run_audit(dataset, **few)


def finding_of(report, check):
    return next(each for each in report.findings if each.check == check)


def verdicts(report):
    return {finding.check: finding.verdict for finding in report.findings}


def test_a_phantom_is_clean_and_the_report_is_json():
    dataset = small_phantom()
    report, images = audit(dataset)
    assert report == audit(small_phantom())[0]
    assert [finding.check for finding in report.findings] == CHECKS
    found = verdicts(report)
    for check in ("patients", "duplicates", "label conflicts", "names"):
        assert found[check] == "ok", check
    assert images.shape == (len(dataset.cases), 64, 64)
    record = json.loads(json.dumps(to_record(report), allow_nan=False))
    assert record["dataset"] == "phantom"
    assert [each["check"] for each in record["findings"]] == CHECKS
    jsonschema.validate(record, SCHEMA)


def test_the_split_is_the_one_that_training_draws():
    dataset = small_phantom()
    report, _ = audit(dataset, seed=3)
    drawn = split_cases(dataset.cases, "official", seed=3)
    assert report.settings["split_hash"] == split_hash(drawn)
    assert report.split == f"{dataset.split}, {split_hash(drawn)}"
    assert dataset.split.startswith("drawn by patient (seed ")
    assert report.settings["split_origin"] == dataset.split
    assert "split" not in report.settings
    for part, counts in report.counts.items():
        theirs = drawn if part == "all" else drawn[drawn["split"] == part]
        assert counts == {
            "rois": len(theirs),
            "patients": theirs["patient_id"].nunique(),
            "label_0": (theirs["label"] == 0).sum(),
            "label_1": (theirs["label"] == 1).sum(),
        }
    assert set(report.counts) == {"train", "val", "test", "all"}


def test_a_random_split_of_rois_is_found_out():
    report, _ = audit(small_phantom(), split="random-roi")
    assert verdicts(report)["patients"] == "error"
    assert verdicts(report)["recall"] == "error"
    assert report.verdict == "error"


def dataset_of(images, cases):
    def read(row):
        number = int(row["roi_id"].removeprefix("roi_"))
        if images[number] is None:
            raise UserError(f"{number}.png: damaged.")
        return Roi(images[number])

    return Dataset("made", cases, read)


def test_torn_patients_are_reported_on_the_split_as_it_is():
    cases = table(40)
    cases.loc[0, "split"] = "test"
    report, _ = audit(dataset_of(pictures(40), cases))
    assert verdicts(report)["patients"] == "error"
    assert report.settings["split_hash"] == split_hash(cases)
    assert "val" not in report.counts


def test_a_split_without_a_training_part_is_audited_as_it_is():
    dataset = small_phantom()
    cases = dataset.cases.assign(split="test")
    report, _ = audit(dataclasses.replace(dataset, cases=cases), limit_images=0)
    assert report.counts["test"]["rois"] == len(cases)
    assert verdicts(report)["metadata"] == "not done"


def test_groups_point_to_the_images_that_were_read():
    images = list(pictures(40))
    images[39] = np.ascontiguousarray(np.rot90(images[10]))
    images[2] = None
    report, read = audit(dataset_of(images, table(40)))
    (group,) = finding_of(report, "duplicates").groups
    assert group.roi_ids == ["roi_10", "roi_39"]
    assert group.images == [9, 38]
    for position, roi in zip(group.images, (10, 39), strict=True):
        assert np.array_equal(read[position], images[roi])
    note, _ = report.notes
    assert note.startswith("1 of 40 ROIs could not be read and was skipped")
    assert "2.png: damaged." in note


def test_rois_that_cannot_be_read_are_counted_by_class_and_change_the_split():
    images, cases = list(pictures(40)), table(40)
    malignant = np.flatnonzero(cases["label"] == 1)
    for row in malignant[:10]:
        images[row] = None
    said = (
        f"10 of 40 ROIs could not be read and were skipped in the checks of "
        f"pixels: benign 0 of {40 - len(malignant)}, malignant 10 of {len(malignant)}; "
        "the share of malignant ROIs went from 50.0 % to 33.3 %. The first: "
    )
    counted, drawn = audit(dataset_of(images, cases))[0].notes
    assert counted.startswith(said)
    assert "train leaves them out and draws without them" in drawn
    # Where no part is drawn, the split is the same.
    training = cases["patient_id"][cases["split"] == "train"].unique()
    cases.loc[cases["patient_id"].isin(training[-4:]), "split"] = "val"
    (counted,) = audit(dataset_of(images, cases))[0].notes
    assert counted.startswith(said)


def test_without_images_the_metadata_are_checked():
    report, images = audit(dataset_of([None] * 40, table(40, view=["CC", "MLO"] * 20)))
    assert images is None
    found = verdicts(report)
    for check in ("duplicates", "label conflicts", "statistics"):
        assert found[check] == "not done"
        sentence = finding_of(report, check).sentence
        assert sentence.startswith("Not done: no images; none of 40 ROIs")
        assert sentence.count("..") == 0
    assert found["recall"] != "not done"
    assert found["metadata"] != "not done"


def test_a_limit_of_images_is_told():
    report, images = audit(small_phantom(), limit_images=30)
    assert len(images) == report.settings["images_read"] == 30
    assert any(note.startswith("Pixels of 30 of ") for note in report.notes)
    report, images = audit(small_phantom(), limit_images=0)
    assert images is None
    assert "no images were requested" in finding_of(report, "duplicates").sentence


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"resamples": 0}, "expected at least 1"),
        ({"limit_images": -1}, "expected at least 0"),
        ({"image_size": 32}, "expected at least 64"),
        # The dataset does not have its copies.
        ({"split": "augmented-first"}, "Received: 'augmented-first'; expected"),
        ({"split": "oficial"}, "did you mean 'official'"),
    ],
)
def test_wrong_arguments_are_told_in_a_line(wrong, told):
    with pytest.raises(UserError, match=told):
        audit(small_phantom(), **wrong)


def test_a_folder_whose_file_is_damaged(tmp_path):
    for row, image in enumerate(pictures(40)):
        path = tmp_path / str(row // 2 % 2) / f"{row // 2:02}_{row % 2}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), image)
    (tmp_path / "0" / "00_0.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    report, images = audit(load_cases("folder", tmp_path, r"^(\d+)"))
    assert len(images) == 39
    assert any("0/00_0.png" in note for note in report.notes)


@pytest.mark.shared_data
def test_cbis_ddsm_by_its_lists_alone(shared_data):
    options = ReadOptions(require_files=False)
    dataset = load_cases("cbis-ddsm", shared_data / "cbis-ddsm-csv", options=options)
    start = time.process_time()
    report, images = run_audit(dataset, resamples=200, progress=False)
    assert time.process_time() - start < 20
    assert images is None
    assert verdicts(report) == {
        "patients": "ok",
        "duplicates": "not done",
        "label conflicts": "not done",
        "recall": "note",
        "metadata": "note",
        "names": "ok",
        "statistics": "not done",
        "files": "not done",
    }
    assert report.counts["test"] == {
        "rois": 326,
        "patients": 151,
        "label_0": 197,
        "label_1": 129,
    }
    assert report.counts["all"]["rois"] == 1872
    metadata = finding_of(report, "metadata")
    majority = metadata.details["majority_class_accuracy"]
    assert majority == pytest.approx(0.604, abs=5e-4)
    aucs = {score.name: score.auc.value for score in metadata.scores}
    assert aucs["type + distribution"] == pytest.approx(0.7414, abs=5e-5)
    assert aucs["BI-RADS assessment"] == pytest.approx(0.7536, abs=5e-5)
    assert aucs["type + distribution + assessment"] == pytest.approx(0.8266, abs=5e-5)
    assert "breast + view" in aucs
    recall = finding_of(report, "recall").scores
    assert recall[1].name == "random 80/20 by ROI"
    assert recall[1].accuracy.value == pytest.approx(0.90, abs=0.004)


@pytest.mark.shared_data
def test_what_is_wrong_with_the_real_patches_is_found(shared_data):
    dataset = load_cases("folder", shared_data / "microcalc-patches", r"^(\d+[a-z])")
    report, images = run_audit(dataset, resamples=200, progress=False)
    assert images.shape == (636, 128, 128)
    found = verdicts(report)
    assert found["duplicates"] in ("warning", "error")
    assert found["names"] == found["statistics"] == "warning"
    copies = finding_of(report, "duplicates").details
    assert (copies["identical"]["rois"], copies["identical"]["groups"]) == (10, 5)
    assert copies["identical"]["within_a_patient"] == copies["near"]["groups"] == 0
    assert found["label conflicts"] == "ok"
    assert report.verdict == found["duplicates"]
    aucs = {s.name: s.auc for s in finding_of(report, "statistics").scores}
    assert aucs["brightest minus median grey level"].low > 0.75
    assert aucs["mean grey level"].value > 0.6
