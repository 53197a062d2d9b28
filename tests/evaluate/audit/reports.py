"""A report with everything in it that is hard to show."""

from __future__ import annotations

import numpy as np

from keras_wa.evaluate.audit.findings import AuditReport, CheckResult, Group, Score
from keras_wa.metrics import Estimate

HOSTILE = '<script>alert("ä & 乳")</script>'


def report() -> AuditReport:
    """Every verdict, a score without a number, many groups, names that are HTML."""
    groups = [
        Group(
            kind="near" if number % 2 else "identical",
            roi_ids=[f"{HOSTILE}{number}", f"b{number}", *"cdefgh"[:number]],
            patients=["p1", "p2", *"cdefgh"[:number]],
            splits=["train"] * (2 + min(number, 6)),
            labels=[0, 1, *[0] * min(number, 6)],
            images=[number % 3, 1],
        )
        for number in range(14)
    ]
    scores = [
        Score("type + distribution", Estimate(0.741, 0.655, 0.814), None, "logistic"),
        Score("random 80/20 by ROI", None, Estimate(0.9, 0.869, 0.933), "200 splits"),
        Score(HOSTILE, Estimate(0.31, 0.27, 1.0), Estimate(1.0, 1.0, 1.0), HOSTILE),
    ]
    return AuditReport(
        dataset="mine",
        split="official, 0123456789ab",
        counts={
            "train": {"rois": 1500, "patients": 60, "label_0": 800, "label_1": 700},
            "all": {"rois": 1872, "patients": 75, "label_0": 1000, "label_1": 872},
        },
        notes=[HOSTILE],
        findings=[
            CheckResult("patients", "Patients", "ok", "None is torn."),
            CheckResult(
                "duplicates", "Copies", "error", HOSTILE, "Mend it.", [], groups
            ),
            CheckResult("metadata", "Metadata", "note", "Known.", scores=scores),
            CheckResult("names", "Names", "warning", "u and b.", details={"x": np.pi}),
            CheckResult("statistics", "Numbers", "not done", "Not done: no images."),
        ],
        settings={"seed": 0, "split_hash": "0123456789ab"},
    )


def images() -> np.ndarray:
    """Three images to point to."""
    return np.random.default_rng(0).integers(0, 256, (3, 64, 64), dtype=np.uint8)
