"""Small words of the findings."""

from __future__ import annotations

from collections.abc import Sequence

from keras_wa.evaluate.audit.findings import AuditReport, Verdict
from keras_wa.metrics import Estimate

_OVERALL: dict[Verdict, str] = {
    "ok": "No check found anything that speaks against this data set.",
    "not done": "What was checked is in order; some checks could not be done.",
    "note": "Nothing is wrong; there is something to know before a result is believed.",
    "warning": "Results on this data set need what these checks found beside them.",
    "error": "A result on this data set as it stands would be untrue.",
}


def count(number: int, noun: str) -> str:
    """Gives `1 image`, `2 images`, `1,872 images`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def join(words: Sequence[str]) -> str:
    """Gives `a`, `a and b`, `a, b and c`."""
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def percent(share: Estimate | float) -> str:
    """Gives `90.0 %`, with its interval if it has one: `90.0 % (86.8 to 93.2)`."""
    if isinstance(share, Estimate):
        return (
            f"{100 * share.value:.1f} % "
            f"({100 * share.low:.1f} to {100 * share.high:.1f})"
        )
    return f"{100 * share:.1f} %"


def verdict_sentence(report: AuditReport) -> str:
    """What the audit comes to, in one sentence."""
    worst = [f.title for f in report.findings if f.verdict == report.verdict]
    sentence = _OVERALL[report.verdict]
    if report.verdict in ("warning", "error"):
        sentence += f" See: {'; '.join(worst)}."
    undone = sum(finding.verdict == "not done" for finding in report.findings)
    if undone and report.verdict != "not done":
        sentence += f" {count(undone, 'check')} could not be done."
    return sentence
