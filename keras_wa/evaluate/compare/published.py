"""Numbers published in the paper's tables, shown beside measured results.

The paper does not state the splits, so these numbers cannot be compared with results of
this package. They have a separate column with that note.
"""

from __future__ import annotations

CAPTION = "as published, split not stated"

#: Model -> accuracy (%) in tables 2 and 3 of Alsajer & Philippovich 2025, with the data
#: set if it is not CBIS-DDSM.
PUBLISHED_ACCURACY: dict[str, str] = {
    "wa_resnet50": "96.74",
    "resnet50": "91.79 (97.58 in Leong 2022)",
    "cnn_vit": "96.12",
    "attention_cnn": "99.46 (breast thermograms)",
    "fhdf": "97.73",
    "resnet34": "97.35",
    "vgg16": "96.97",
    "alexnet": "83.06",
}


def published_accuracy(model: str) -> str:
    """Returns the paper's accuracy of a model in per cent, or an empty string."""
    return PUBLISHED_ACCURACY.get(model, "")
