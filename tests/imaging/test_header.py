"""Headers with every kind of damage: the image stays, and a note names the element."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    BreastProjectionXRayImageStorageForPresentation,
    BreastTomosynthesisImageStorage,
)

from keras_wa.imaging.dicom import decode_dicom
from tests.imaging.dicom_files import (
    decode,
    dicom_bytes,
    dicom_dataset,
    look_up_table,
)


def row(*values: int, dtype=np.uint16) -> np.ndarray:
    return np.array([values], dtype)


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
    image = decode_dicom(dicom_bytes(dataset), "x.dcm")
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
