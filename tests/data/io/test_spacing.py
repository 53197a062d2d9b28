"""The pixel spacing in the breast, against the standard's rules."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset

from tests.data.io.dicom_files import dicom_dataset, opened

PIXEL, IMAGER = "PixelSpacing", "ImagerPixelSpacing"
FACTOR = "EstimatedRadiographicMagnificationFactor"
DETECTOR, PATIENT = "DistanceSourceToDetector", "DistanceSourceToPatient"
SAME = {PIXEL: [0.07, 0.07], IMAGER: [0.07, 0.07]}
RATIO = "(DistanceSourceToDetector / DistanceSourceToPatient)"
BY_FACTOR = f"{PIXEL} / {FACTOR}"
SCANNED = "NominalScannedPixelSpacing"
CALIBRATION = "PixelSpacingCalibrationType"


def image(**fields):
    return opened(dicom_dataset(np.ones((1, 2), np.uint16), **fields))


@pytest.mark.parametrize(
    ("fields", "spacing", "origin", "notes"),
    [
        ({}, None, "", 0),
        ({PIXEL: [0.05, 0.07]}, (0.05, 0.07), PIXEL, 0),
        ({IMAGER: [0.1, 0.2]}, (0.1, 0.2), IMAGER, 0),
        ({SCANNED: [0.05, 0.05]}, (0.05, 0.05), SCANNED, 0),
        ({IMAGER: [0.1, 0.1], FACTOR: 1.25}, (0.08, 0.08), f"{IMAGER} / {FACTOR}", 1),
        ({IMAGER: [0.1, 0.1], FACTOR: 1}, (0.1, 0.1), f"{IMAGER} / {FACTOR}", 0),
        ({IMAGER: [0.1, 0.1], FACTOR: 1.04}, (0.09615,) * 2, f"{IMAGER} / {FACTOR}", 0),
        # Not corrected: the same as at the detector (PS3.3 10.7.1.1).
        (SAME, (0.07, 0.07), PIXEL, 0),
        (SAME | {FACTOR: 1.8}, (0.0389, 0.0389), f"{PIXEL} / {FACTOR}", 1),
        (
            {PIXEL: [0.0941, 0.0941], IMAGER: [0.09409091, 0.09409091], FACTOR: 1.8},
            (0.05228,) * 2,
            f"{PIXEL} / {FACTOR}",
            1,
        ),
        # Corrected: another one than at the detector, or said to be corrected.
        (SAME | {PIXEL: [0.039, 0.039], FACTOR: 1.8}, (0.039, 0.039), PIXEL, 0),
        (
            SAME | {FACTOR: 1.04, CALIBRATION: "GEOMETRY"},
            (0.07, 0.07),
            PIXEL,
            0,
        ),
        (
            {PIXEL: [0.07] * 2, FACTOR: 1.8, CALIBRATION: "GEOMETRY"},
            (0.07,) * 2,
            PIXEL,
            0,
        ),
        # Said to be corrected, but the same.
        (SAME | {FACTOR: 1.8, CALIBRATION: "GEOMETRY"}, (0.07, 0.07), PIXEL, 1),
        (SAME | {FACTOR: 1.8, CALIBRATION: "FIDUCIAL"}, (0.07, 0.07), PIXEL, 1),
        # Nothing says whether it was corrected.
        ({PIXEL: [0.07, 0.07], FACTOR: 1.8}, (0.07, 0.07), PIXEL, 1),
        ({PIXEL: [0.07, 0.07], FACTOR: 1.04}, (0.07, 0.07), PIXEL, 0),
        # The distances are the factor's definition.
        (
            SAME | {DETECTOR: 660, PATIENT: 330},
            (0.035, 0.035),
            f"{PIXEL} / {RATIO}",
            1,
        ),
        (SAME | {DETECTOR: 660, PATIENT: 330, FACTOR: 2}, (0.035,) * 2, BY_FACTOR, 1),
        (SAME | {DETECTOR: 660, PATIENT: 330, FACTOR: 1}, (0.07,) * 2, BY_FACTOR, 1),
        (SAME | {DETECTOR: 660, PATIENT: 660}, (0.07, 0.07), PIXEL, 0),
        (SAME | {DETECTOR: 660, PATIENT: 660.3}, (0.07, 0.07), PIXEL, 0),
        ({IMAGER: [0.07, 0.07], DETECTOR: 660, PATIENT: 660}, (0.07,) * 2, IMAGER, 0),
        (SAME | {DETECTOR: 660}, (0.07, 0.07), PIXEL, 0),
        (SAME | {DETECTOR: 660, PATIENT: 0}, (0.07, 0.07), PIXEL, 0),
        (SAME | {DETECTOR: 66, PATIENT: 660}, (0.07, 0.07), PIXEL, 1),
        # A factor that no system has.
        (SAME | {FACTOR: 0}, (0.07, 0.07), PIXEL, 1),
        (SAME | {FACTOR: 180}, (0.07, 0.07), PIXEL, 1),
        (
            SAME | {FACTOR: 0, DETECTOR: 660, PATIENT: 330},
            (0.035, 0.035),
            f"{PIXEL} / {RATIO}",
            2,
        ),
        # A spacing that no mammogram has leaves the next one.
        ({PIXEL: [0, 0.1], IMAGER: [0.1, 0.1]}, (0.1, 0.1), IMAGER, 1),
        ({PIXEL: [70, 70], IMAGER: [0.07, 0.07]}, (0.07, 0.07), IMAGER, 1),
        ({PIXEL: [70, 70]}, None, "", 1),
    ],
)
def test_the_spacing_is_that_in_the_breast_and_says_where_it_is_from(
    fields, spacing, origin, notes
):
    found = image(**fields)
    if spacing is None:
        assert found.spacing_mm is None
    else:
        assert found.spacing_mm == pytest.approx(spacing, rel=1e-3)
    assert found.spacing_from == origin
    assert len(found.notes) == notes


def test_a_magnification_view_says_what_was_divided_by_what():
    (note,) = image(**SAME, EstimatedRadiographicMagnificationFactor=1.8).notes
    assert note == (
        "magnification: PixelSpacing (0.07 mm) was divided by 1.8, which "
        "EstimatedRadiographicMagnificationFactor states, to 0.03889 mm in the breast."
    )


def test_notes_on_a_magnification_that_say_other_things_are_of_other_kinds():
    alone = {PIXEL: [0.07, 0.07], FACTOR: 1.8}
    notes = [
        image(**fields).notes[0]
        for fields in (
            SAME | {FACTOR: 1.8},
            alone,
            SAME | {FACTOR: 1.8, CALIBRATION: "GEOMETRY"},
            SAME | {DETECTOR: 660, PATIENT: 330, FACTOR: 1},
            SAME | {DETECTOR: 66, PATIENT: 660},
        )
    ]
    assert len({note.partition(":")[0] for note in notes}) == 5
    # No option counts before what the file states.
    assert notes[1].endswith("If it is not that in the breast, correct it in the file.")
    # That is what it says to do.
    corrected = image(**alone | {PIXEL: [0.039, 0.039], CALIBRATION: "GEOMETRY"})
    assert (corrected.spacing_mm, corrected.notes) == ((0.039, 0.039), ())


def test_functional_groups_state_spacing_and_magnification():
    dataset = dicom_dataset(np.ones((1, 2), np.uint16))
    measures, geometry, properties, shared = (Dataset() for _ in range(4))
    measures.PixelSpacing = [0.07, 0.07]
    properties.ImagerPixelSpacing = [0.07, 0.07]
    geometry.EstimatedRadiographicMagnificationFactor = 1.8
    shared.PixelMeasuresSequence = [measures]
    shared.FramePixelDataPropertiesSequence = [properties]
    shared.XRayGeometrySequence = [geometry]
    dataset.SharedFunctionalGroupsSequence = [shared]
    found = opened(dataset)
    assert found.spacing_mm == pytest.approx((0.07 / 1.8, 0.07 / 1.8))
    assert found.spacing_from == f"{PIXEL} / {FACTOR}"
