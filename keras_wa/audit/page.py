"""The page of an audit, `audit.html`: one file that opens offline."""

from __future__ import annotations

import base64
import dataclasses
from pathlib import Path

import cv2
import jinja2
import numpy as np
from numpy.typing import NDArray

from keras_wa import __version__
from keras_wa.audit.findings import AuditReport, Estimate, Group
from keras_wa.audit.terminal import verdict_sentence
from keras_wa.files import replacing

GROUPS_SHOWN = 12
"""Groups of duplicates that are shown with pictures; the others are counted."""

_ROIS_SHOWN = 6
# Geometry of the forest plot, in the units of its viewBox.
_LABELS, _PLOT, _NUMBERS, _ROW = 340, 360, 170, 26


@dataclasses.dataclass(frozen=True)
class Mark:
    """One row of the forest plot, in the units of the drawing.

    Attributes:
        name: what the label was guessed from.
        text: the number with its interval.
        y: middle of the row.
        low, value, high: places on the axis.
        check: the check that the score is of, `""` after its first row.
    """

    name: str
    text: str
    y: float
    low: float
    value: float
    high: float
    check: str


@dataclasses.dataclass(frozen=True)
class Forest:
    """A forest plot: numbers between 0 and 1 with their intervals.

    Attributes:
        title: what the axis measures.
        marks: its rows.
        ticks: place and text of each tick.
        reference: place of the number that guessing has, `None` if there is none.
        width, height: of the drawing.
    """

    title: str
    marks: list[Mark]
    ticks: list[tuple[float, str]]
    reference: float | None
    width: int = _LABELS + _PLOT + _NUMBERS

    @property
    def height(self) -> float:
        return _ROW * (len(self.marks) + 2)


def write_page(
    report: AuditReport, images: NDArray[np.uint8] | None, path: Path
) -> None:
    """Writes the page in one step.

    Args:
        report: the outcome.
        images: (N, H, W) uint8 that `Group.images` points to, for thumbnails.
        path: the file.
    """
    page = render_page(report, images)
    with replacing(path) as partial:
        partial.write_text(page, encoding="utf-8")


def render_page(report: AuditReport, images: NDArray[np.uint8] | None) -> str:
    """The page as HTML; what it shows is escaped, and it loads nothing."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("keras_wa.audit", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    forests = [forest(report, "auc"), forest(report, "accuracy")]
    return environment.get_template("audit.html.j2").render(
        report=report,
        sentence=verdict_sentence(report),
        forests=[each for each in forests if each.marks],
        groups_shown=GROUPS_SHOWN,
        rois_shown=_ROIS_SHOWN,
        thumbnails=lambda group: thumbnails(group, images),
        version=__version__,
        labels=_LABELS,
        plot=_PLOT,
        row=_ROW,
    )


def forest(report: AuditReport, measure: str) -> Forest:
    """Lays out the scores of all checks.

    Args:
        report: the outcome.
        measure: `"auc"` or `"accuracy"`.

    Returns:
        A row for each score that has this measure.
    """
    # An AUC below one half is no worse a shortcut upside down, and rare: the axis
    # begins where a score does.
    found = [
        (finding.title if index == 0 else "", score.name, estimate)
        for finding in report.findings
        for index, (score, estimate) in enumerate(
            (score, getattr(score, measure))
            for score in finding.scores
            if getattr(score, measure) is not None
        )
    ]
    least = min((estimate.low for _, _, estimate in found), default=0.5)
    start = min(0.4, np.floor(10 * least) / 10)

    def place(number: float) -> float:
        clipped = min(max(number, start), 1.0)
        return round(_LABELS + _PLOT * (clipped - start) / (1 - start), 1)

    marks = [
        Mark(
            name=name,
            text=_text(estimate),
            y=_ROW * (row + 1.5),
            low=place(estimate.low),
            value=place(estimate.value),
            high=place(estimate.high),
            check=check,
        )
        for row, (check, name, estimate) in enumerate(found)
    ]
    steps = np.arange(round(10 * start), 11) / 10
    return Forest(
        title={"auc": "AUC", "accuracy": "Accuracy"}[measure],
        marks=marks,
        ticks=[(place(step), f"{step:.1f}") for step in steps],
        reference=place(0.5) if measure == "auc" else None,
    )


def thumbnails(group: Group, images: NDArray[np.uint8] | None) -> list[str]:
    """Pictures of a group as data URIs, `""` for each that is not at hand."""
    if images is None:
        return []
    return [_data_uri(images[index]) for index in group.images[:_ROIS_SHOWN]]


def _data_uri(image: NDArray[np.uint8]) -> str:
    data = cv2.imencode(".png", image)[1].tobytes()
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def _text(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
