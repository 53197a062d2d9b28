"""Texts in every kind of character set: the same text in the result, or none."""

from __future__ import annotations

import io

import numpy as np
import pydicom
import pytest
from highdicom import sr

from keras_wa.data.io.header import DicomHeader
from keras_wa.inference.dicom_out import (
    secondary_capture,
    structured_report,
    write_dicom,
)
from keras_wa.inference.dicom_out.copying import take_over
from keras_wa.inference.dicom_out.source import no_warnings
from tests.data.io.dicom_files import bytes_with, dicom_dataset
from tests.inference.dicom_out.sources import ALGORITHM, FINDINGS, PICTURE, PIXELS, WHEN

LATIN, UTF = "Müller^Jörg".encode("latin-1"), "Müller^Jörg".encode()
JAPANESE = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"


def source_with(character_set: bytes | None, **elements: tuple[str, bytes]):
    if character_set is not None:
        elements["SpecificCharacterSet"] = ("CS", character_set)
    identifiers = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.4"}
    dataset = dicom_dataset(PIXELS, bits=12, **identifiers)
    with no_warnings():
        return pydicom.dcmread(io.BytesIO(bytes_with(dataset, **elements)))


@pytest.mark.parametrize(
    ("character_set", "name", "expected"),
    [
        (None, b"Mueller^Joerg", "Mueller^Joerg"),
        (b"ISO_IR 999", b"Mueller^Joerg", "Mueller^Joerg"),
        (b"ISO_IR 100", LATIN, "Müller^Jörg"),
        (b"ISO_IR 192", UTF, "Müller^Jörg"),
        (b"ISO_IR 192\\ISO_IR 100", UTF, "Müller^Jörg"),
        (b"ISO_IR 144", "Петрова^Анна".encode("iso8859_5"), "Петрова^Анна"),
        (b"GB18030", "王^小东".encode("gb18030"), "王^小东"),
        (b"\\ISO 2022 IR 87", JAPANESE, "Yamada^Tarou=山田^太郎"),
        (b"\\ISO 2022 IR 149", b"Hong=\x1b$)C\xfb\xf3", "Hong=洪"),
        # A slip of the pen that can mean one set only.
        (b"ISO-IR 100", LATIN, "Müller^Jörg"),
        (b"ISO_IR 999", LATIN, None),
        (b"ISO_IR 999", UTF, None),
        (b"KLINGON", UTF, None),
        (None, LATIN, None),
        (None, UTF, None),
        (b"", LATIN, None),
        (b"ISO_IR 6", LATIN, None),
        (b"ISO_IR 192", LATIN, None),
        (b"GB18030", b"\xff\xff", None),
        (b"\\ISO 2022 IR 87", LATIN, None),
        (b"\\ISO 2022 IR 149", JAPANESE, None),
        (None, JAPANESE, None),
        (b"ISO 2022 IR 999", JAPANESE, None),
    ],
)
@pytest.mark.parametrize("seen", [False, True], ids=["", "converted before"])
def test_a_name_is_the_same_or_left_out(character_set, name, expected, seen):
    source = source_with(character_set, PatientName=("PN", name))
    result = pydicom.Dataset()
    result.PatientName = ""
    with no_warnings():
        if seen:
            str(source.PatientName)
        notes = take_over(result, source, ["PatientName"])
    assert str(result.PatientName) == (expected or "")
    assert len(notes) == (expected is None)
    assert all(note.startswith("PatientName (0010,0010): not taken") for note in notes)


@pytest.mark.parametrize(
    ("field", "vr"),
    [
        *[("PatientID", "LO"), ("PatientComments", "LT"), ("StudyID", "SH")],
        *[("OtherPatientNames", "PN"), ("ReferringPhysicianName", "PN")],
        *[("AccessionNumber", "SH"), ("StudyDescription", "LO"), ("EthnicGroup", "SH")],
        *[("PatientSex", "CS"), ("StudyDate", "DA"), ("PatientAge", "AS")],
        *[("DeidentificationMethod", "LO"), ("PixelSpacingCalibrationType", "CS")],
    ],
)
@pytest.mark.parametrize("character_set", [b"ISO_IR 999", None])
def test_no_text_becomes_another(field, vr, character_set):
    source = source_with(character_set, **{field: (vr, LATIN)})
    result = pydicom.Dataset()
    (note,) = take_over(result, source, [field])
    assert len(result) == 0
    assert note.startswith(field)
    assert ("missing" if character_set is None else "'ISO_IR 999'") in note


@pytest.mark.parametrize("own", [None, "ISO_IR 100"])
def test_the_items_of_a_sequence_have_texts_too(own):
    item = pydicom.Dataset()
    if own:
        item.SpecificCharacterSet = own
    item.add_new("CodeMeaning", "LO", LATIN)
    dataset = dicom_dataset(PIXELS)
    dataset.DeidentificationMethodCodeSequence = [item]
    dataset.SpecificCharacterSet = "ISO_IR 999"
    with no_warnings():
        source = pydicom.dcmread(io.BytesIO(bytes_with(dataset)))
        result = pydicom.Dataset()
        notes = take_over(result, source, ["DeidentificationMethodCodeSequence"])
    assert len(notes) == (own is None)
    if own:
        (found,) = result.DeidentificationMethodCodeSequence
        assert found.CodeMeaning == "Müller^Jörg"
        assert "SpecificCharacterSet" not in found


@pytest.mark.parametrize(
    ("field", "vr", "value", "expected"),
    [
        ("PatientSize", "DS", b"1.750", "1.750"),
        ("PatientSize", "UT", b"1,75", "1.75"),
        ("PatientSize", "FD", np.float64(1.75).tobytes(), "1.75"),
        ("PatientSize", "DS", b"1,750", None),
        ("PatientWeight", "DS", b"abc", None),
        ("PixelSpacing", "DS", b"0,1\\0,1", "0.1\\0.1"),
        ("PixelSpacing", "DS", b"0,1", None),
        ("LossyImageCompressionRatio", "DS", b"10.5\\2", "10.5\\2"),
    ],
)
def test_a_number_is_taken_over_where_it_means_one_thing(field, vr, value, expected):
    source = source_with(None, **{field: (vr, value)})
    result = pydicom.Dataset()
    notes = take_over(result, source, [field])
    if expected is None:
        assert len(result) == 0
        assert "its value cannot be read" in notes[0]
    else:
        assert result[field].VR == "DS"
        assert DicomHeader(result).shown(field) == expected
        assert notes == []


def test_a_text_under_another_representation_gets_its_own():
    source = source_with(b"ISO_IR 100", PatientName=("UT", LATIN))
    result = pydicom.Dataset()
    assert take_over(result, source, ["PatientName"]) == []
    assert result["PatientName"].VR == "PN"
    assert result.PatientName == "Müller^Jörg"


def test_report_and_capture_have_no_other_name_and_say_so(tmp_path):
    source = source_with(
        b"ISO_IR 999",
        PatientName=("PN", LATIN),
        PatientID=("LO", b"4711"),
        PixelSpacing=("DS", b"0,1"),
        NumberOfFrames=("IS", b"1\\1"),
        Rows=("IS", b"128"),
    )
    report = structured_report(source, FINDINGS, ALGORITHM, WHEN)
    capture = secondary_capture(source, PICTURE, ALGORITHM, WHEN)
    for name, dataset in (("report.dcm", report), ("capture.dcm", capture)):
        write_dicom(dataset, tmp_path / name)
        found = pydicom.dcmread(tmp_path / name)
        assert found.SpecificCharacterSet == "ISO_IR 192"
        assert (str(found.PatientName), found.PatientID) == ("", "4711")
    report = sr.srread(tmp_path / "report.dcm")
    texts = [each.TextValue for each in report.ContentSequence[-1].ContentSequence]
    assert texts[0] == ALGORITHM.description
    assert texts[1].startswith("PatientName (0010,0010): not taken over")
    lines = found.ImageComments.split("\r\n")
    assert [line.split(" ")[0] for line in lines[1:]] == ["PatientName", "PixelSpacing"]
    assert "PixelSpacing" not in found
    np.testing.assert_array_equal(found.pixel_array, PICTURE)
