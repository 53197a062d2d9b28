"""The pixel spacing that is assumed."""

from __future__ import annotations

import pytest

from keras_wa.data.readers.cbis_ddsm.stated_spacing import (
    ASSUMED_MM,
    SCANNERS_MM,
    assumption_note,
)


def test_the_assumed_spacing_is_as_near_to_each_scanner_as_can_be():
    assert pytest.approx(0.046) == ASSUMED_MM
    distances = [abs(ASSUMED_MM - true) for true in SCANNERS_MM.values()]
    assert max(distances) == pytest.approx(0.004)
    other = (ASSUMED_MM + 0.001, ASSUMED_MM - 0.001)
    for guess in other:
        worst = max(abs(guess - true) for true in SCANNERS_MM.values())
        assert worst > max(distances)


def test_the_note_says_how_wrong_a_length_may_be():
    note = assumption_note(25.6)
    assert "0.046 mm is assumed" in note
    assert "0.042 to 0.05 mm" in note
    assert "wrong by 9.5%" in note  # 0.046 / 0.042 - 1
    assert "23.4 to 27.8 mm wide" in note
    assert "field of view" not in assumption_note(None)
