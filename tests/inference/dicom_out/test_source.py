from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from pydicom import Dataset
from pydicom.uid import UID, ComprehensiveSRStorage

from keras_wa.errors import UserError
from keras_wa.inference.dicom_out.source import check_source, header, side
from tests.inference.dicom_out.sources import ALGORITHM, WHEN, digital, film

PATIENT_AND_STUDY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientAge",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "StudyDescription",
    "AccessionNumber",
    "ReferringPhysicianName",
)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("SOPInstanceUID", None),
        ("SOPClassUID", None),
        ("StudyInstanceUID", ""),
        ("SeriesInstanceUID", None),
        ("SOPClassUID", ComprehensiveSRStorage),
        ("SOPClassUID", "1.2.3.4"),
        ("Rows", None),
        ("NumberOfFrames", 2),
    ],
)
def test_what_no_result_can_refer_to_is_refused_in_one_line(field, value, tmp_path):
    source = digital(tmp_path)
    if value is None:
        del source[field]
    else:
        setattr(source, field, value)

    with pytest.raises(UserError, match=rf"digital\.dcm: {field}.*Received: ") as error:
        check_source(source)
    assert "\n" not in str(error.value)


def test_a_source_without_a_file_is_named_too():
    with pytest.raises(UserError, match=r"^source image: SOPClassUID\."):
        check_source(Dataset())


def test_patient_and_study_are_taken_over_decoded(tmp_path):
    source = digital(tmp_path)
    head = header(source, ALGORITHM, WHEN)

    assert {name: head[name].value for name in PATIENT_AND_STUDY} == {
        name: source[name].value for name in PATIENT_AND_STUDY
    }
    assert head.PatientName == "Петрова^Анна"
    assert head.SpecificCharacterSet == "ISO_IR 192"


def test_each_result_is_an_instance_and_a_series_of_its_own(tmp_path):
    source = film(tmp_path)
    heads = [header(source, ALGORITHM, WHEN) for _ in range(2)]
    found = [uid for x in heads for uid in (x.SOPInstanceUID, x.SeriesInstanceUID)]

    assert len({*found, source.SOPInstanceUID, source.SeriesInstanceUID}) == 6
    assert all(UID(uid).is_valid for uid in found)


def test_codes_of_deidentification_are_taken_over_decoded(tmp_path):
    item = Dataset()
    item.CodeMeaning = "Очищено"
    source = digital(
        tmp_path,
        PatientIdentityRemoved="YES",
        DeidentificationMethodCodeSequence=[item],
    )
    head = header(source, ALGORITHM, WHEN)

    assert head.PatientIdentityRemoved == "YES"
    found = head.DeidentificationMethodCodeSequence[0]
    assert found.CodeMeaning == "Очищено"
    assert found is not source.DeidentificationMethodCodeSequence[0]


def test_maker_and_time_are_those_that_were_given(tmp_path):
    head = header(film(tmp_path), ALGORITHM, WHEN)

    assert head.Manufacturer == ALGORITHM.maker
    assert head.ManufacturerModelName == ALGORITHM.name
    assert head.SoftwareVersions == ALGORITHM.version
    assert head.ContentQualification == "RESEARCH"
    assert (head.ContentDate, head.ContentTime) == ("20260301", "134507.250000")


def test_a_time_with_a_zone_is_told_in_the_zone_of_the_source(tmp_path):
    when = datetime(2026, 3, 1, 1, 0, tzinfo=timezone(timedelta(hours=3)))
    west = header(digital(tmp_path, TimezoneOffsetFromUTC="-0430"), ALGORITHM, when)
    none = header(digital(tmp_path), ALGORITHM, when)

    assert (west.ContentDate, west.ContentTime[:4]) == ("20260228", "1730")
    assert west.TimezoneOffsetFromUTC == "-0430"
    assert (none.ContentDate, none.ContentTime[:4]) == ("20260301", "0100")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"ImageLaterality": "R"}, "R"),
        ({"ImageLaterality": "", "Laterality": "L"}, "L"),
        ({"ImageLaterality": None, "Laterality": ""}, ""),
        ({"ImageLaterality": "B"}, ""),
    ],
)
def test_the_breast_is_read_from_either_field(fields, expected, tmp_path):
    assert side(digital(tmp_path, **fields)) == expected
