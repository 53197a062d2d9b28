"""The page of an audit, `audit.html`: one file that opens offline."""

from __future__ import annotations

import base64
import dataclasses
from pathlib import Path
from typing import Any

import cv2
import jinja2
import numpy as np
from numpy.typing import NDArray

from keras_wa import __version__
from keras_wa.audit.findings import AuditReport, Group
from keras_wa.audit.terminal import verdict_sentence
from keras_wa.files import replacing

GROUPS_SHOWN = 12
"""Groups of duplicates that are shown with pictures; the others are counted."""

_ROIS_SHOWN = 6
# Heights in pixels. Places along the axis are per cent of the width, so that the plot
# fits any screen and its text keeps its size.
_HEAD, _ROW, _MARGIN = 30, 40, 4.0


@dataclasses.dataclass(frozen=True)
class Mark:
    """One row of the forest plot.

    Attributes:
        name: what the label was guessed from.
        value_text, ends_text: the number, and its interval.
        y: the line of the interval, pixels from the top.
        low, value, high: places on the axis, per cent of the width.
        check: the check that the score is of, `""` after its first row.
    """

    name: str
    value_text: str
    ends_text: str
    y: int
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
        height: of the drawing, pixels.
    """

    title: str
    marks: list[Mark]
    ticks: list[tuple[float, str]]
    reference: float | None
    height: int


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
        shown=_shown,
    )


def forest(report: AuditReport, measure: str) -> Forest:
    """Lays out the scores of all checks.

    Args:
        report: the outcome.
        measure: `"auc"` or `"accuracy"`.

    Returns:
        A row for each score that has this measure.
    """
    found = [
        (finding.check if index == 0 else "", score.name, estimate)
        for finding in report.findings
        for index, (score, estimate) in enumerate(
            (score, getattr(score, measure))
            for score in finding.scores
            if getattr(score, measure) is not None
        )
    ]
    # The axis begins below one half where a score does.
    least = min((estimate.low for _, _, estimate in found), default=0.5)
    start = min(0.4, np.floor(10 * least) / 10)

    def place(number: float) -> float:
        share = (min(max(number, start), 1.0) - start) / (1 - start)
        return round(_MARGIN + (100 - 2 * _MARGIN) * share, 2)

    marks, y = [], 0
    for check, name, estimate in found:
        y += _ROW + (_HEAD if check else 0)
        marks.append(
            Mark(
                name=name,
                value_text=f"{estimate.value:.3f}",
                ends_text=f"[{estimate.low:.3f}, {estimate.high:.3f}]",
                y=y,
                low=place(estimate.low),
                value=place(estimate.value),
                high=place(estimate.high),
                check=check,
            )
        )
    steps = np.arange(round(10 * start), 11) / 10
    return Forest(
        title={"auc": "AUC", "accuracy": "Accuracy"}[measure],
        marks=marks,
        ticks=[(place(step), f"{step:.1f}") for step in steps],
        reference=place(0.5) if measure == "auc" else None,
        height=y + _ROW,
    )


def thumbnails(group: Group, images: NDArray[np.uint8] | None) -> list[str]:
    """Pictures of the first ROIs of a group as data URIs; none without images."""
    if images is None:
        return []
    return [_data_uri(images[index]) for index in group.images[:_ROIS_SHOWN]]


def _data_uri(image: NDArray[np.uint8]) -> str:
    data = cv2.imencode(".png", image)[1].tobytes()
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def _shown(value: Any) -> str:
    """A setting in words."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(each)}" for name, each in value.items())
    return "none" if value is None else str(value)
