"""In-silico ROIs with microcalcifications, and their case table."""

from __future__ import annotations

from keras_wa.phantom.cases import CASE_COLUMNS, phantom_cases
from keras_wa.phantom.rates import best_possible_auc
from keras_wa.phantom.roi import render_mask, render_roi, render_rois
from keras_wa.phantom.spec import PHANTOM_VERSION, Labelling, PhantomSpec

__all__ = [
    "CASE_COLUMNS",
    "PHANTOM_VERSION",
    "Labelling",
    "PhantomSpec",
    "best_possible_auc",
    "phantom_cases",
    "render_mask",
    "render_roi",
    "render_rois",
]
