"""Headers with every kind of damage: the image stays, and a note names the element."""

from __future__ import annotations

import io
import re

import numpy as np
import pydicom
import pytest
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.uid import (
    BreastProjectionXRayImageStorageForPresentation,
    BreastTomosynthesisImageStorage,
)

from keras_wa.data.io.dicom import decode_dicom
from keras_wa.data.io.header import DicomHeader
from keras_wa.errors import UserError
from tests.data.io.dicom_files import (
    bytes_with,
    decode,
    dicom_dataset,
    look_up_table,
    opened,
    row,
)

NEEDED = (
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "SamplesPerPixel",
    "NumberOfFrames",
)
OPTIONAL = (
    "RescaleSlope",
    "RescaleIntercept",
    "WindowCenter",
    "WindowWidth",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "NominalScannedPixelSpacing",
    "EstimatedRadiographicMagnificationFactor",
    "DistanceSourceToDetector",
    "DistanceSourceToPatient",
)
SEQUENCES = (
    "ModalityLUTSequence",
    "VOILUTSequence",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)
TEXTS = (
    "SeriesDescription",
    "PresentationIntentType",
    "VOILUTFunction",
    "PixelSpacingCalibrationType",
)

# Value representation and bytes of which nothing can be made, whatever should be there.
DEFECTS = {
    "no number": ("LO", b"abc"),
    "no number in its own representation": (None, b"abcde "),
    "binary rubbish": ("UT", b"\xff\xfe\x00\x01\x07"),
    "NaN": ("DS", b"nan"),
    "infinite": ("DS", b"1e999"),
    "too large": ("DS", b"-1e300"),
    "binary NaN": ("FD", np.array([np.nan] * 2).tobytes()),
    "a thousand or one": ("DS", b"1,000"),
    "half a number": ("UL", b"\x01\x02\x03\x04\x05\x06"),
    "hexadecimal": ("DS", b"0x10"),
    "Arabic digits": ("UT", "\u0661\u0662".encode()),
    "a backslash before": ("IS", b"\\7"),
    "a representation that is none": ("Q?", b"abcd"),
    "a sequence": ("SQ", b"\xfe\xff\x00\xe0\x00\x00\x00\x00"),
}


def damaged(keyword: str, defect: str, **fields: object) -> bytes:
    vr, value = DEFECTS[defect]
    own = dictionary_VR(keyword)
    vr = vr or ("US" if own == "US or SS" else own)
    dataset = dicom_dataset(row(0, 40000), **fields)
    return bytes_with(dataset, **{keyword: (vr, value)})


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.parametrize("keyword", OPTIONAL)
def test_a_number_that_cannot_be_read_is_noted_and_costs_no_image(keyword, defect):
    stated = {
        "RescaleSlope": {"RescaleIntercept": 3},
        "RescaleIntercept": {"RescaleSlope": -1},
        "WindowCenter": {"WindowWidth": 9},
        "WindowWidth": {"WindowCenter": 9},
        "PixelPaddingRangeLimit": {"PixelPaddingValue": 1},
    }
    spacing = {"ImagerPixelSpacing": [0.1, 0.1]}
    fields = stated.get(keyword, spacing)
    image = decode_dicom(damaged(keyword, defect, **fields), "x.dcm")
    np.testing.assert_array_equal(image.grey(), [[0, 156]])
    note = next(note for note in image.notes if note.startswith(keyword))
    assert re.match(rf"{keyword} \(\w{{4}},\w{{4}}\): left out\. Received: ", note)
    assert note.isprintable()
    if "ImagerPixelSpacing" in fields and keyword != "ImagerPixelSpacing":
        assert image.spacing_mm == (0.1, 0.1)


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.parametrize("keyword", NEEDED)
def test_a_number_that_is_needed_is_named_in_one_line(keyword, defect):
    with pytest.raises(UserError, match=rf"^x\.dcm: .*{keyword}.*Received") as caught:
        decode_dicom(damaged(keyword, defect), "x.dcm")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("defect", [name for name in DEFECTS if name != "a sequence"])
@pytest.mark.parametrize("keyword", SEQUENCES)
def test_a_sequence_that_cannot_be_read_costs_no_image(keyword, defect):
    image = decode_dicom(damaged(keyword, defect), "x.dcm")
    np.testing.assert_array_equal(image.grey(), [[0, 156]])
    assert [note.split()[0] for note in image.notes] == [keyword]


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.parametrize("keyword", TEXTS)
def test_a_text_that_cannot_be_read_costs_no_image(keyword, defect):
    data = damaged(keyword, defect, WindowCenter=40000, WindowWidth=2)
    image = decode_dicom(data, "x.dcm")
    np.testing.assert_array_equal(image.grey(), [[0, 255]])
    assert all(note.startswith(keyword) for note in image.notes)
    assert all(map(str.isprintable, image.notes))
    assert image.notes or keyword != "VOILUTFunction"


@pytest.mark.parametrize(
    "keyword", ["RescaleSlope", "PixelSpacing", "DistanceSourceToPatient"]
)
def test_more_values_than_belong_there_are_left_out(keyword):
    dataset = dicom_dataset(row(0, 40000), ImagerPixelSpacing=[0.1, 0.1])
    image = opened(dataset, **{keyword: ("DS", b"1\\2\\3")})
    np.testing.assert_array_equal(image.grey(), [[0, 156]])
    assert "Received: '1\\2\\3'" in image.notes[0]


@pytest.mark.parametrize("defect", ["binary NaN", "half a number", "a sequence"])
def test_a_modality_that_is_no_text_is_noted_and_costs_no_image(defect):
    image = decode_dicom(damaged("Modality", defect), "x.dcm")
    np.testing.assert_array_equal(image.grey(), [[0, 156]])
    assert [note.split()[0] for note in image.notes] == ["Modality"]


@pytest.mark.parametrize(
    ("keyword", "vr", "value", "expected"),
    [
        ("PixelSpacing", "FD", np.array([0.085, 0.085]).tobytes(), "0.085\\0.085"),
        ("PixelSpacing", "DS", b"0,085\\0,085 ", "0,085\\0,085"),
        ("InstanceNumber", "US", b"\7\0", "7"),
        ("Rows", "IS", b"40", "40"),
        ("PatientID", "US", b"D1-1", "D1-1"),
        ("PatientID", "UN", b" D1-1 ", "D1-1"),
        ("PatientID", "LO", b"   ", None),
        ("ViewCodeSequence", "UN", b"", None),
    ],
)
def test_what_is_shown_is_what_is_written(keyword, vr, value, expected):
    data = bytes_with(dicom_dataset(row(1)), **{keyword: (vr, value)})
    header = DicomHeader(pydicom.dcmread(io.BytesIO(data)))
    assert header.shown(keyword) == expected
    assert header.notes == []


PAIRS = {
    b"0.085\\0.085": True,
    b"0,085\\0,085": True,
    b" 0.085 \\ 0.085\0": True,
    b"0.085,0.085": False,
    b"0.085, 0.085": False,
    b"0,085,0,085": False,
    b"0.085;0.085": False,
    b"0,085;0,085": False,
    b"0.085\\0.085\\": True,
    b"8.5e-2\\85E-3": True,
    b"0.085": False,
    b"0,085": False,
    b"0,1,1": False,
    b"1,1": False,
    b"0.085\\": False,
    b"\\0.085": False,
    b"0.085\\0.085\\0.085": False,
    b"0.085 0.085": False,
    b"0.085/0.085": False,
    b"85 um\\85 um": False,
    b"1,000\\1,000": False,
}


@pytest.mark.parametrize("text", PAIRS)
@pytest.mark.parametrize("vr", ["DS", "UT", "LO", "UN"])
def test_a_spacing_is_taken_where_it_means_one_thing(text, vr):
    image = opened(dicom_dataset(row(0, 65535)), PixelSpacing=(vr, text))
    assert image.spacing_mm == ((0.085, 0.085) if PAIRS[text] else None)
    assert len(image.notes) == (not PAIRS[text])


@pytest.mark.parametrize(
    ("center", "width", "expected"),
    [
        (b"511,5", b"512", 32),
        (b"511,5", b"512,0", 32),
        (b"511.5\\9", b"512\\3", 32),
        (b"511,5\\9,0", b"512,0\\3,0", 32),
        (b"511.5\\9", b"512", 32),
        (b"511.5,9", b"512\\3", None),
        (b"511,5", b"2,000", None),
    ],
)
def test_the_first_window_may_have_decimal_commas(center, width, expected):
    dataset = dicom_dataset(row(320), bits=10, VOILUTFunction="LINEAR_EXACT")
    window = {"WindowCenter": ("DS", center), "WindowWidth": ("DS", width)}
    image = opened(dataset, **window)
    assert image.grey()[0, 0] == (80 if expected is None else expected)
    assert len(image.notes) == (expected is None)


@pytest.mark.parametrize(
    ("text", "grey"),
    [
        (b"SIGMOID\\SIGMOID\\SIGMOID", 128),
        (b"sigmoid ", 128),
        (b"SIGMOID\\LINEAR", 127),
    ],
)
def test_the_same_function_for_each_window_is_one(text, grey):
    dataset = dicom_dataset(row(511), bits=10, WindowCenter=511, WindowWidth=900)
    image = opened(dataset, VOILUTFunction=("CS", text))
    assert image.grey()[0, 0] == 128
    assert len(image.notes) == (grey == 127)


def group(**macros: dict[str, object]) -> Dataset:
    """An item of functional groups: macro -> its fields."""
    item = Dataset()
    for name, fields in macros.items():
        macro = Dataset()
        for field, value in fields.items():
            setattr(macro, field, value)
        setattr(item, name, [macro])
    return item


WINDOW = {"WindowCenter": 512, "WindowWidth": 512}


@pytest.mark.parametrize(
    "sop_class",
    [BreastProjectionXRayImageStorageForPresentation, BreastTomosynthesisImageStorage],
)
@pytest.mark.parametrize("groups", ["Shared", "PerFrame"])
def test_one_enhanced_frame_is_shown_by_its_functional_groups(sop_class, groups):
    dataset = dicom_dataset(
        row(256, 512, 768),
        bits=10,
        SOPClassUID=sop_class,
        NumberOfFrames=1,
        # What stands outside of the groups counts less.
        WindowCenter=1,
        WindowWidth=2,
    )
    macros = group(
        FrameVOILUTSequence=WINDOW, PixelMeasuresSequence={"PixelSpacing": [0.1, 0.2]}
    )
    setattr(dataset, f"{groups}FunctionalGroupsSequence", [macros])
    image = opened(dataset)
    np.testing.assert_array_equal(image.grey(), [[0, 128, 255]])
    assert image.spacing_mm == (0.1, 0.2)
    assert image.notes == ()


def test_the_frames_own_groups_count_before_the_shared_ones():
    dataset = dicom_dataset(row(256, 512, 768), bits=10)
    dataset.SharedFunctionalGroupsSequence = [
        group(FrameVOILUTSequence={"WindowCenter": 9, "WindowWidth": 2})
    ]
    dataset.PerFrameFunctionalGroupsSequence = [group(FrameVOILUTSequence=WINDOW)]
    np.testing.assert_array_equal(decode(dataset), [[0, 128, 255]])


def test_a_negative_slope_of_the_groups_turns_dark_into_bright():
    dataset = dicom_dataset(row(256, 512, 768), bits=10)
    rescale = {"RescaleSlope": -1, "RescaleIntercept": 1024}
    dataset.SharedFunctionalGroupsSequence = [
        group(PixelValueTransformationSequence=rescale)
    ]
    np.testing.assert_array_equal(decode(dataset), [[191, 127, 64]])
    shared = dataset.SharedFunctionalGroupsSequence[0]
    shared.FrameVOILUTSequence = group(FrameVOILUTSequence=WINDOW).FrameVOILUTSequence
    np.testing.assert_array_equal(decode(dataset), [[255, 128, 0]])


def test_a_table_or_a_function_of_the_groups_counts():
    dataset = dicom_dataset(row(0, 1, 2), bits=10)
    table = {"VOILUTSequence": [look_up_table(0, 8, [255, 7, 0])]}
    dataset.SharedFunctionalGroupsSequence = [group(FrameVOILUTSequence=table)]
    np.testing.assert_array_equal(decode(dataset), [[255, 7, 0]])
    dataset = dicom_dataset(row(256, 512, 768), bits=10, VOILUTFunction="SIGMOID")
    exact = {**WINDOW, "VOILUTFunction": "LINEAR_EXACT"}
    dataset.SharedFunctionalGroupsSequence = [group(FrameVOILUTSequence=exact)]
    np.testing.assert_array_equal(decode(dataset), [[0, 128, 255]])
