"""Collects the notes from reading a dataset's files."""

from __future__ import annotations

import pandas as pd

from keras_wa.data.pipeline.manifest import notes_of
from keras_wa.evaluate.audit.findings import CheckResult
from keras_wa.evaluate.audit.pixels import Pixels
from keras_wa.evaluate.text import count

TITLE = "What the image files say of themselves"


def check_files(cases: pd.DataFrame, pixels: Pixels) -> CheckResult:
    """Collects the notes on the files that were read.

    Args:
        cases: a case table.
        pixels: the ROIs that were read.

    Returns:
        The finding, a warning if there is a note: each is about something that changes
        grey levels or lengths, such as 12-bit values in a 16-bit file.
    """
    notes = notes_of(cases.iloc[pixels.rows], pixels.facts)
    if not notes:
        sentence = f"Nothing unusual in the files of {count(len(pixels.rows), 'ROI')}."
        return CheckResult("files", TITLE, "ok", sentence)
    return CheckResult(
        "files",
        TITLE,
        "warning",
        " ".join(notes),
        "Grey levels and lengths depend on it: set it right before anything is trained "
        "on these files, or say beside a result that it is so.",
        details={"notes": notes},
    )
