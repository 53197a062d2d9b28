from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pydicom
import pytest
from highdicom import sr
from pydicom.sr.codedict import codes
from pydicom.uid import UID, ComprehensiveSRStorage

from keras_wa.errors import UserError
from keras_wa.inference.dicom_out import Finding, structured_report, write_dicom
from keras_wa.inference.dicom_out.source import no_warnings
from keras_wa.inference.dicom_out.structured_report import (
    DECISION,
    GREATEST,
    INDETERMINATE,
    LEAST,
    NEGATIVE,
    NO_GUARANTEE,
    PERCENT,
    POSITIVE,
    PREDICTION_SET,
    PROBABILITY,
)
from tests.data.io.dicom_files import dicom_bytes
from tests.inference.dicom_out.sources import (
    ALGORITHM,
    FINDINGS,
    WHEN,
    digital,
    film,
    real_film,
)


def written(folder, source, findings=FINDINGS):
    path = folder / "report.dcm"
    write_dicom(structured_report(source, findings, ALGORITHM, WHEN), path)
    return path


def groups(folder, source, findings=FINDINGS):
    report = sr.srread(written(folder, source, findings))
    assert isinstance(report.content, sr.MeasurementReport)
    return report.content.get_planar_roi_measurement_groups()


def items(parent, name):
    return [
        item
        for item in parent.ContentSequence
        if sr.CodedConcept.from_dataset(item.ConceptNameCodeSequence[0]) == name
    ]


@pytest.mark.parametrize("make", [film, real_film, digital])
def test_each_box_comes_back_on_the_image_that_it_was_on(make, tmp_path):
    source = make(tmp_path)
    found = groups(tmp_path, source)

    assert len(found) == len(FINDINGS)
    for group, finding in zip(found, FINDINGS, strict=True):
        assert group.roi.graphic_type == sr.GraphicTypeValues.POLYLINE
        left, top, right, bottom = finding.box
        np.testing.assert_array_equal(
            group.roi.value,
            [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]],
        )
        reference = group.roi.ContentSequence[0].ReferencedSOPSequence[0]
        assert reference.ReferencedSOPInstanceUID == source.SOPInstanceUID
        assert reference.ReferencedSOPClassUID == source.SOPClassUID


def test_probability_and_its_ends_come_back_in_percent(tmp_path):
    for group, finding in zip(groups(tmp_path, film(tmp_path)), FINDINGS, strict=True):
        wanted = {None: finding.probability}
        if finding.low is not None:
            wanted |= {LEAST.value: finding.low, GREATEST.value: finding.high}
        measured = group.get_measurements(name=PROBABILITY)
        assert all(each.unit == PERCENT for each in measured)
        found = {
            None if each.derivation is None else each.derivation.value: each.value
            for each in measured
        }
        assert len(found) == len(measured)
        assert found == pytest.approx({k: 100 * v for k, v in wanted.items()})


def test_a_decision_comes_back_with_its_threshold_and_none_as_none(tmp_path):
    found = groups(tmp_path, film(tmp_path))
    decisions = [
        [item.value for item in group.get_qualitative_evaluations(name=DECISION)]
        for group in found
    ]
    thresholds = [
        [item.value for item in items(group[0], codes.DCM.AlgorithmParameters)]
        for group in found
    ]

    assert decisions == [[POSITIVE], [NEGATIVE], []]
    assert thresholds == [
        ["threshold: 0.42", "coverage of sets: 0.9"],
        ["threshold: 0.42"],
        [],
    ]


def test_a_prediction_set_comes_back_indeterminate_if_it_has_both_or_none(tmp_path):
    sets = {
        "benign": [NEGATIVE],
        "malignant": [POSITIVE],
        "both": [INDETERMINATE],
        "none": [INDETERMINATE],
        "": [],
    }
    findings = [Finding((0, 0, 1, 1), 0.5, prediction_set=each) for each in sets]
    found = groups(tmp_path, film(tmp_path), findings)
    for group, wanted in zip(found, sets.values(), strict=True):
        coded = group.get_qualitative_evaluations(name=PREDICTION_SET)
        assert [item.value for item in coded] == wanted
        assert group.get_qualitative_evaluations(name=DECISION) == []
        # Their coverage is unknown.
        comments = [each.value for each in items(group[0], codes.DCM.Comment)]
        assert comments == [NO_GUARANTEE] * len(wanted)


def test_warnings_come_back_as_comments(tmp_path):
    found = groups(tmp_path, film(tmp_path))
    comments = [
        [item.value for item in items(group[0], codes.DCM.Comment)] for group in found
    ]

    assert comments == [list(finding.warnings) for finding in FINDINGS]


def test_control_characters_of_a_warning_become_blanks(tmp_path):
    odd = Finding((0, 0, 1, 1), 0.5, warnings=("a\nb\x1b[31m\\c", "\t"))
    (group,) = groups(tmp_path, film(tmp_path), [odd])
    found = [item.value for item in items(group[0], codes.DCM.Comment)]

    assert found == ["a b [31m\\c", "-"]


def test_every_roi_is_tracked_by_a_number_and_an_identifier_of_its_own(tmp_path):
    source = film(tmp_path)
    first, second = groups(tmp_path, source), groups(tmp_path, source)
    uids = [group.tracking_uid for group in (*first, *second)]

    assert [group.tracking_identifier for group in first] == ["ROI 1", "ROI 2", "ROI 3"]
    assert len(set(uids)) == 6
    assert all(UID(uid).is_valid for uid in uids)


def test_algorithm_and_observer_are_the_one_that_was_given(tmp_path):
    source = film(tmp_path)
    for group in groups(tmp_path, source):
        (name,) = items(group[0], codes.DCM.AlgorithmName)
        (version,) = items(group[0], codes.DCM.AlgorithmVersion)
        assert (name.value, version.value) == (ALGORITHM.name, ALGORITHM.version)
    report = sr.srread(tmp_path / "report.dcm")
    (device,) = report.content.get_observer_contexts(codes.DCM.Device)
    attributes = device.observer_identifying_attributes

    assert attributes.name == ALGORITHM.name
    assert attributes.manufacturer_name == ALGORITHM.maker
    assert report.Manufacturer == ALGORITHM.maker


def test_the_device_is_the_same_for_the_same_version_alone(tmp_path):
    source = film(tmp_path)
    newer = dataclasses.replace(ALGORITHM, version="1.0")
    uids = []
    for algorithm in (ALGORITHM, ALGORITHM, newer):
        report = structured_report(source, FINDINGS, algorithm, WHEN)
        uids.append(items(report, codes.DCM.DeviceObserverUID)[0].value)

    assert uids[0] == uids[1] != uids[2]


@pytest.mark.parametrize(("make", "breast"), [(film, "Right"), (digital, "Left")])
def test_the_breast_is_the_finding_site(make, breast, tmp_path):
    for group in groups(tmp_path, make(tmp_path)):
        (site,) = group.finding_sites
        assert site.value == codes.SCT.Breast
        assert site.laterality.meaning == breast


def test_a_side_that_is_not_stated_is_none(tmp_path):
    source = digital(tmp_path, ImageLaterality="")

    assert groups(tmp_path, source)[0].finding_sites[0].laterality is None


def test_the_file_is_of_the_patient_and_the_study_of_the_source(tmp_path):
    source = digital(tmp_path)
    report = pydicom.dcmread(written(tmp_path, source))

    for name in ("PatientName", "PatientID", "PatientBirthDate", "StudyInstanceUID"):
        assert report[name].value == source[name].value
    assert str(report.PatientName) == "Петрова^Анна"
    assert report.SOPClassUID == ComprehensiveSRStorage
    assert report.Modality == "SR"
    assert report.SeriesInstanceUID != source.SeriesInstanceUID
    evidence = report.CurrentRequestedProcedureEvidenceSequence[0]
    assert evidence.StudyInstanceUID == source.StudyInstanceUID
    series = evidence.ReferencedSeriesSequence[0]
    assert series.SeriesInstanceUID == source.SeriesInstanceUID
    (image,) = series.ReferencedSOPSequence
    assert image.ReferencedSOPInstanceUID == source.SOPInstanceUID


def test_it_says_that_it_is_preliminary_research_and_no_device(tmp_path):
    report = pydicom.dcmread(written(tmp_path, film(tmp_path)))

    assert report.PreliminaryFlag == "PRELIMINARY"
    assert report.VerificationFlag == "UNVERIFIED"
    assert report.ContentQualification == "RESEARCH"
    (about,) = items(report, sr.CodedConcept("C0034375", "UMLS", "-"))
    assert about.ContentSequence[0].TextValue == ALGORITHM.description
    assert (report.ContentDate, report.ContentTime) == ("20260301", "134507.250000")


@pytest.mark.parametrize(
    "fields",
    [
        {"PatientName": "山田^太郎", "SpecificCharacterSet": "ISO_IR 192"},
        {"PatientSex": "female", "StudyTime": "noon", "Laterality": ""},
        {"PatientName": "<script>", "PatientID": "x" * 80},
    ],
)
def test_odd_values_of_the_source_come_back_as_they_were(fields, tmp_path):
    source = digital(tmp_path, **fields)
    with no_warnings():
        report = pydicom.dcmread(written(tmp_path, source))
        checked = [name for name in fields if name.startswith(("Patient", "Study"))]

        assert [str(report[name].value) for name in checked] == [
            fields[name] for name in checked
        ]


def test_what_the_source_lacks_is_empty(tmp_path):
    lacking = (
        "PatientName",
        "PatientID",
        "PatientBirthDate",
        "PatientSex",
        "StudyID",
        "StudyDate",
        "StudyTime",
        "AccessionNumber",
        "ReferringPhysicianName",
        "SpecificCharacterSet",
    )
    source = digital(tmp_path, **dict.fromkeys(lacking), StudyDescription=None)
    report = pydicom.dcmread(written(tmp_path, source))

    assert [str(report[name].value or "") for name in lacking[:-1]] == [""] * 9


def test_the_source_is_left_as_it_is(tmp_path):
    source = digital(tmp_path)
    before = dicom_bytes(source)
    structured_report(source, FINDINGS, ALGORITHM, WHEN)

    assert dicom_bytes(source) == before


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([FINDINGS[0], Finding((0, 0, 97, 1), 0.5)], r"film\.dcm: box of finding 2"),
        ([FINDINGS[0], Finding((0, 0, 1, 129), 0.5)], r"film\.dcm: box of finding 2"),
        ([], r"findings\. Received: none"),
    ],
)
def test_a_box_beyond_the_image_and_no_finding_are_refused(
    findings, expected, tmp_path
):
    with pytest.raises(UserError, match=expected):
        structured_report(film(tmp_path), findings, ALGORITHM, WHEN)


def test_without_highdicom_the_message_says_how_to_install_it(tmp_path, monkeypatch):
    # Python's own way to say that a module is not there.
    monkeypatch.setitem(sys.modules, "highdicom", None)

    with pytest.raises(UserError, match=r"pip install 'keras_wa\[dicom\]'"):
        structured_report(film(tmp_path), FINDINGS, ALGORITHM, WHEN)


@pytest.mark.dciodvfy
@pytest.mark.parametrize(
    ("make", "fields"),
    [
        (film, {}),
        (real_film, {}),
        (digital, {}),
        (digital, {"PatientBirthDate": None, "ImageLaterality": ""}),
        (digital, {"PatientName": "山田^太郎", "SpecificCharacterSet": "ISO_IR 192"}),
    ],
)
def test_dciodvfy_finds_no_error(make, fields, tmp_path, errors_of):
    assert errors_of(written(tmp_path, make(tmp_path, **fields))) == []
