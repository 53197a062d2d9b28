"""The pixel spacing in the breast, from a DICOM header."""

from __future__ import annotations

import math

from keras_wa.data.io.header import DicomHeader, named

CREDIBLE_MM = (0.005, 1.0)
"""Range of the pixel spacing of mammograms, mm."""

SPACING_FIELDS = (
    "PixelSpacing",
    "PixelSpacingCalibrationType",
    "NominalScannedPixelSpacing",
    "ImagerPixelSpacing",
    "EstimatedRadiographicMagnificationFactor",
    "DistanceSourceToDetector",
    "DistanceSourceToPatient",
)
"""The elements that `spacing_in_breast` reads."""

_FACTOR = "EstimatedRadiographicMagnificationFactor"
_DISTANCES = ("DistanceSourceToDetector", "DistanceSourceToPatient")
_RATIO = "(DistanceSourceToDetector / DistanceSourceToPatient)"

# No mammography system magnifies more. With the breast on the detector it is about
# 1.05; from the second number on, the view is a magnification view.
_GREATEST, _NOTABLE = 5.0, 1.2

# Largest difference of equal numbers after rounding.
_SAME = 1e-3

Spacing = tuple[float, float]


def spacing_in_breast(header: DicomHeader) -> tuple[Spacing | None, str]:
    """Returns the distance of rows and of columns in the breast, mm.

    It is PixelSpacing, else that of a scanned film (NominalScannedPixelSpacing), else
    ImagerPixelSpacing, which is measured at the detector, divided by the magnification.
    A PixelSpacing that equals ImagerPixelSpacing was not corrected (PS3.3 10.7.1.1) and
    is divided as well, unless PixelSpacingCalibrationType states that it was corrected.
    The magnification is EstimatedRadiographicMagnificationFactor, else its definition,
    DistanceSourceToDetector / DistanceSourceToPatient (PS3.3 C.8.11.7).

    Returns:
        The spacing and its source, such as `"PixelSpacing"` or `"ImagerPixelSpacing /
        EstimatedRadiographicMagnificationFactor"`. None and `""` if unknown. The header
        gets notes on invalid elements and magnification views.
    """
    stated = _pair(header, "PixelSpacing")
    imager = _pair(header, "ImagerPixelSpacing")
    if stated is not None:
        if imager is None:
            if not header.text("PixelSpacingCalibrationType"):
                _note_undivided(
                    header,
                    "correction for magnification unknown",
                    "since without ImagerPixelSpacing it is unknown whether it was "
                    "corrected",
                )
        elif all(map(_is_same, stated, imager)):
            calibration = header.text("PixelSpacingCalibrationType")
            if not calibration:
                return _divided(header, stated, "PixelSpacing")
            _note_undivided(
                header,
                "correction for magnification doubtful",
                f"since PixelSpacingCalibrationType is {calibration!r}, though it "
                "equals ImagerPixelSpacing",
            )
        return stated, "PixelSpacing"
    scanned = _pair(header, "NominalScannedPixelSpacing")
    if scanned is not None:
        return scanned, "NominalScannedPixelSpacing"
    if imager is not None:
        return _divided(header, imager, "ImagerPixelSpacing")
    return None, ""


def _pair(header: DicomHeader, keyword: str) -> Spacing | None:
    found = header.numbers(keyword, 2)
    if found is None:
        return None
    low, high = CREDIBLE_MM
    if not all(low <= number <= high for number in found):
        header.leave_out(keyword, f"two numbers from {low:g} to {high:g} mm")
        return None
    return found[0], found[1]


def _divided(header: DicomHeader, spacing: Spacing, origin: str) -> tuple[Spacing, str]:
    """Returns the spacing at the detector, divided by the magnification if known."""
    factor, by = _magnification(header)
    # The detector is behind the breast: equal distances are not informative.
    if factor is None or (by == _RATIO and _is_same(factor, 1)):
        return spacing, origin
    divided = spacing[0] / factor, spacing[1] / factor
    if factor >= _NOTABLE or by == _RATIO:
        header.notes.append(
            f"magnification: {origin} ({spacing[0]:g} mm) was divided by {factor:.4g}, "
            f"which {by.strip('()')} states, to {divided[0]:.4g} mm in the breast."
        )
    return divided, f"{origin} / {by}"


def _magnification(header: DicomHeader) -> tuple[float | None, str]:
    factor = header.number(_FACTOR)
    if factor is not None and not 1 - _SAME <= factor <= _GREATEST:
        header.leave_out(_FACTOR, f"a number from 1 to {_GREATEST:g}")
        factor = None
    detector, patient = (header.number(distance) for distance in _DISTANCES)
    ratio = detector / patient if detector and patient else None
    if ratio is not None and not 1 - _SAME <= ratio <= _GREATEST:
        if factor is None:
            header.notes.append(
                "magnification distances: DistanceSourceToDetector / "
                f"DistanceSourceToPatient is {ratio:.4g}, which is implausible and was "
                "not used."
            )
        ratio = None
    if factor is None:
        return ratio, _RATIO
    if ratio is not None and not math.isclose(factor, ratio, rel_tol=0.1):
        header.notes.append(
            f"magnification factor: {named(_FACTOR)} is {factor:.4g}, but the "
            f"distances from the source give {ratio:.4g}. The factor was used."
        )
    return factor, _FACTOR


def _note_undivided(header: DicomHeader, subject: str, reason: str) -> None:
    """Notes a magnification that PixelSpacing does not include."""
    factor, by = _magnification(header)
    if factor is not None and factor >= _NOTABLE:
        header.notes.append(
            f"{subject}: {by.strip('()')} states {factor:.4g}. PixelSpacing was used "
            f"unchanged, {reason}. If it is not that in the breast, correct it in the "
            "file."
        )


def _is_same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_SAME)
