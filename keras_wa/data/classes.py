"""The classes of a model; malignant is always the last."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_wa.data.case_table import PARTS
from keras_wa.errors import UserError

CLASS_NAMES: dict[int, tuple[str, ...]] = {
    2: ("benign", "malignant"),
    3: ("benign without callback", "benign", "malignant"),
}
"""Number of classes -> their names, by index.

Three classes are the pathologies of CBIS-DDSM (Lee et al. 2017,
doi:10.1038/sdata.2017.177), as in FHDF (Chakravarthy et al. 2024).
"""

_CLASS_OF = {
    (0, "BENIGN_WITHOUT_CALLBACK"): 0,
    (0, "BENIGN"): 1,
    (1, "MALIGNANT"): 2,
}


def class_indices(cases: pd.DataFrame, classes: int) -> NDArray[np.int64]:
    """Returns the class of each ROI, int64, 0 to `classes - 1`; malignant is the last.

    Two classes are the labels. Three are benign without callback, benign and malignant,
    from the columns `label` and `pathology`.

    Raises:
        UserError: with three classes, a pathology is missing, not one of CBIS-DDSM, or
            contradicts its label.
    """
    labels = cases["label"].to_numpy(np.int64)
    if classes == 2:
        return labels
    pathologies = cases["pathology"].fillna("nothing").to_numpy(str)
    found = [_CLASS_OF.get(pair, -1) for pair in zip(labels, pathologies, strict=True)]
    indices = np.array(found, np.int64)
    wrong = np.flatnonzero(indices < 0)
    if len(wrong):
        first = wrong[0]
        raise UserError(
            f"`classes=3` needs the pathology, and that of {len(wrong)} of "
            f"{len(cases)} ROIs is unusable, first of {cases['roi_id'].iloc[first]!r}."
            f" Received: {pathologies[first]} with label {labels[first]}; expected "
            "BENIGN_WITHOUT_CALLBACK or BENIGN with label 0, or MALIGNANT with label 1."
        )
    return indices


def require_every_class(cases: pd.DataFrame, classes: int) -> None:
    """Raises a `UserError` if a part of the split has ROIs but lacks a class."""
    indices = class_indices(cases, classes)
    for part in PARTS:
        within = indices[cases["split"].to_numpy(str) == part]
        counts = np.bincount(within, minlength=classes)
        if len(within) and not counts.all():
            names = CLASS_NAMES[classes]
            found = ", ".join(
                f"{count} {name}" for count, name in zip(counts, names, strict=True)
            )
            raise UserError(
                f"Part {part!r} of the split lacks a class of `classes={classes}`. "
                f"Received: {found}; expected ROIs of each. Add cases, or train with "
                "`classes=2`."
            )
