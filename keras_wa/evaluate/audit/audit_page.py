"""The page of an audit, `audit.html`: one file that opens offline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from keras_wa import __version__
from keras_wa.evaluate import pages
from keras_wa.evaluate.audit.findings import AuditReport, Group, verdict_sentence

GROUPS_SHOWN = 12
"""Number of groups of duplicates with thumbnails; the others are only counted."""

_ROIS_SHOWN = 6
_COUNTS = ("rois", "patients", "label_0", "label_1")


def write_page(
    report: AuditReport, images: NDArray[np.uint8] | None, path: Path
) -> None:
    """Writes the page atomically, with thumbnails of the images that were read."""
    pages.write_page(render_page(report, images), path)


def render_page(report: AuditReport, images: NDArray[np.uint8] | None) -> str:
    """Renders the page as HTML, with escaped content and no external files."""
    forests = [forest(report, "auc"), forest(report, "accuracy")]
    return pages.render(
        "keras_wa.evaluate.audit",
        "audit.html.j2",
        report=report,
        sentence=verdict_sentence(report),
        forests=[each for each in forests if each.rows],
        groups_shown=GROUPS_SHOWN,
        rois_shown=_ROIS_SHOWN,
        thumbnails=lambda group: _thumbnails(group, images),
        version=__version__,
        counts=[
            [part, *(row[name] for name in _COUNTS)]
            for part, row in report.counts.items()
        ],
    )


def forest(report: AuditReport, measure: str) -> pages.ForestPlot:
    """Plots all scores that have a measure, `"auc"` or `"accuracy"`."""
    rows = [
        pages.Row(score.name, estimate, finding.check)
        for finding in report.findings
        for score in finding.scores
        if (estimate := getattr(score, measure)) is not None
    ]
    if measure == "auc":
        return pages.ForestPlot("AUC", rows, reference=0.5)
    return pages.ForestPlot("Accuracy", rows)


def _thumbnails(group: Group, images: NDArray[np.uint8] | None) -> list[str]:
    if images is None:
        return []
    return [pages.data_uri(images[index]) for index in group.images[:_ROIS_SHOWN]]
