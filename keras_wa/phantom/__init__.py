"""In-silico ROIs with microcalcifications, and their case table."""

from keras_wa.phantom.cases import phantom_cases
from keras_wa.phantom.rates import best_possible_auc
from keras_wa.phantom.roi import render_mask, render_roi, render_rois
from keras_wa.phantom.spec import PhantomSpec

__all__ = [
    "PhantomSpec",
    "best_possible_auc",
    "phantom_cases",
    "render_mask",
    "render_roi",
    "render_rois",
]
