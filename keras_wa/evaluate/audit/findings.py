"""What a check of a dataset has found, the same for every check."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from keras_wa.evaluate.text import count
from keras_wa.metrics import Estimate

Verdict = Literal["ok", "note", "warning", "error", "not done"]

VERDICTS: tuple[Verdict, ...] = ("ok", "not done", "note", "warning", "error")
"""From the mildest to the worst."""


@dataclasses.dataclass(frozen=True)
class Score:
    """How well the label can be guessed from something that is no image.

    Attributes:
        name: what it was guessed from, such as `"type + distribution"`.
        auc: area under the ROC curve, `None` where there is none.
        accuracy: share of right guesses, `None` where there is none.
        how: protocol in a few words: data, split, interval.
    """

    name: str
    auc: Estimate | None = None
    accuracy: Estimate | None = None
    how: str = ""


@dataclasses.dataclass(frozen=True)
class Group:
    """Images that show the same.

    Attributes:
        kind: `"identical"` or `"near"`.
        roi_ids: the ROIs, in the order of the case table.
        patients: their patients.
        splits: their parts of the split.
        labels: their labels.
        images: positions of some of them in the prepared images, for thumbnails.
    """

    kind: str
    roi_ids: list[str]
    patients: list[str]
    splits: list[str]
    labels: list[int]
    images: list[int] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class CheckResult:
    """The outcome of one check.

    Attributes:
        check: its short name, such as `"patients"`.
        title: what it looks for.
        verdict: how bad it is.
        sentence: the outcome in plain words.
        advice: what to do about it, `""` if nothing.
        scores: what was scored, if anything.
        groups: duplicates, if any.
        details: further values that JSON can hold.
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
    """Everything that an audit has found.

    Attributes:
        dataset: name of the dataset.
        split: which split, and its hash.
        counts: ROIs and patients by part and label.
        notes: what the reader has to say of the dataset.
        findings: one a check.
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
        """The worst verdict of all checks."""
        found = {finding.verdict for finding in self.findings}
        return next((each for each in reversed(VERDICTS) if each in found), "ok")


_OVERALL: dict[Verdict, str] = {
    "ok": "No check found anything that speaks against this data set.",
    "not done": "What was checked is in order; some checks could not be done.",
    "note": "Nothing is wrong; there is something to know before a result is believed.",
    "warning": "Results on this data set need what these checks found beside them.",
    "error": "A result on this data set as it stands would be untrue.",
}


def verdict_sentence(report: AuditReport) -> str:
    """Sums an audit up in one sentence."""
    worst = [f.title for f in report.findings if f.verdict == report.verdict]
    sentence = _OVERALL[report.verdict]
    if report.verdict in ("warning", "error"):
        sentence += f" See: {'; '.join(worst)}."
    undone = sum(finding.verdict == "not done" for finding in report.findings)
    if undone and report.verdict != "not done":
        sentence += f" {count(undone, 'check')} could not be done."
    return sentence
