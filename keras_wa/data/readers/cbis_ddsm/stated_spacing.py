"""The assumed pixel spacing of CBIS-DDSM.

The films of DDSM were digitised by four scanners. CBIS-DDSM's files have no pixel
spacing, and its case lists do not name the scanner.
"""

from __future__ import annotations

SCANNERS_MM = {
    "DBA M2100 ImageClear": 0.042,
    "Howtek 960": 0.0435,
    "Howtek MultiRad850": 0.0435,
    "Lumisys 200 Laser": 0.050,
}
"""Pixel spacing of the scanners of DDSM, mm (University of South
Florida, "DDSM: Digital Database for Screening Mammography")."""

ASSUMED_MM = (min(SCANNERS_MM.values()) + max(SCANNERS_MM.values())) / 2
"""The middle of the scanners' range, mm, which minimises the largest error."""


def assumption_note(field_mm: float | None) -> str:
    """Returns the note about the assumed spacing, for a fixed field or without."""
    least, most = min(SCANNERS_MM.values()), max(SCANNERS_MM.values())
    error = max(abs(ASSUMED_MM / true - 1) for true in (least, most))
    note = (
        f"Pixel spacing: {ASSUMED_MM:g} mm is assumed where a file states none, since "
        f"DDSM's scanners have {least:g} to {most:g} mm and the scanner of a film is "
        f"unknown; a length may be wrong by {error:.1%}"
    )
    if field_mm is not None:
        sides = (field_mm * true / ASSUMED_MM for true in (least, most))
        note += " (the field of view is {:.1f} to {:.1f} mm wide)".format(*sides)
    return note + ". `pixel_spacing` sets another."
