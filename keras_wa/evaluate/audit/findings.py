"""The result types of all checks of a dataset."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from keras_wa.evaluate.text import count
from keras_wa.metrics import Estimate

Verdict = Literal["ok", "note", "warning", "error", "not done"]

VERDICTS: tuple[Verdict, ...] = ("ok", "not done", "note", "warning", "error")
"""All verdicts, from mild to severe."""


@dataclasses.dataclass(frozen=True)
class Score:
    """How well the label can be predicted without the image.

    Attributes:
        name: the predictors, such as `"type + distribution"`.
        auc: area under the ROC curve, None if undefined.
        accuracy: share of correct predictions, None if undefined.
        how: protocol in a few words: data, split, interval.
    """

    name: str
    auc: Estimate | None = None
    accuracy: Estimate | None = None
    how: str = ""


@dataclasses.dataclass(frozen=True)
class Group:
    """A group of duplicates.

    Attributes:
        kind: `"identical"` or `"near"`.
        roi_ids: the ROIs, in the order of the case table.
        patients: their patients.
        splits: their parts of the split.
        labels: their labels.
        images: indices of some of them in the images that were read, for thumbnails.
    """

    kind: str
    roi_ids: list[str]
    patients: list[str]
    splits: list[str]
    labels: list[int]
    images: list[int] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class CheckResult:
    """The result of one check.

    Attributes:
        check: short name, such as `"patients"`.
        title: title of the check.
        verdict: severity of the result.
        sentence: the result in plain words.
        advice: what to do, `""` if nothing.
        scores: scores, if any.
        groups: duplicates, if any.
        details: further values for JSON.
    """

    check: str
    title: str
    verdict: Verdict
    sentence: str
    advice: str = ""
    scores: list[Score] = dataclasses.field(default_factory=list)
    groups: list[Group] = dataclasses.field(default_factory=list)
    details: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class AuditReport:
    """The results of an audit.

    Attributes:
        dataset: name of the dataset.
        split: name and hash of the split.
        counts: numbers of ROIs and patients by part and label.
        notes: notes of the dataset's reader.
        findings: one result per check.
        settings: seeds, numbers of resamples and splits.
    """

    dataset: str
    split: str
    counts: dict[str, Any]
    notes: list[str]
    findings: list[CheckResult]
    settings: dict[str, Any]

    @property
    def verdict(self) -> Verdict:
        """Returns the worst verdict of all checks."""
        found = {finding.verdict for finding in self.findings}
        return next((each for each in reversed(VERDICTS) if each in found), "ok")


_OVERALL: dict[Verdict, str] = {
    "ok": "No check found a problem in this data set.",
    "not done": "No problem was found; some checks could not be done.",
    "note": "No problem was found; read the notes before trusting a result.",
    "warning": "Report these findings with any result on this data set.",
    "error": "A result on this data set would be invalid as it stands.",
}


def verdict_sentence(report: AuditReport) -> str:
    """Summarises an audit in one sentence."""
    worst = [f.title for f in report.findings if f.verdict == report.verdict]
    sentence = _OVERALL[report.verdict]
    if report.verdict in ("warning", "error"):
        sentence += f" See: {'; '.join(worst)}."
    undone = sum(finding.verdict == "not done" for finding in report.findings)
    if undone and report.verdict != "not done":
        sentence += f" {count(undone, 'check')} could not be done."
    return sentence
