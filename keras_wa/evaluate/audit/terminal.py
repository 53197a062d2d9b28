"""The outcome of an audit on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from keras_wa.evaluate.audit.findings import AuditReport, CheckResult, Verdict
from keras_wa.evaluate.text import count

_STYLES: dict[Verdict, str] = {
    "ok": "green",
    "not done": "dim",
    "note": "cyan",
    "warning": "yellow",
    "error": "bold red",
}
_OVERALL: dict[Verdict, str] = {
    "ok": "No check found anything that speaks against this data set.",
    "not done": "What was checked is in order; some checks could not be done.",
    "note": "Nothing is wrong; there is something to know before a result is believed.",
    "warning": "Results on this data set need what these checks found beside them.",
    "error": "A result on this data set as it stands would be untrue.",
}


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


def print_report(report: AuditReport, console: Console | None = None) -> None:
    """Prints verdict, checks and scores.

    Args:
        report: the outcome.
        console: where to; stdout by default, plain where that is no terminal.
    """
    console = console or Console(highlight=False)
    everything = report.counts.get("all", {})
    console.print(
        Text(
            f"{report.dataset}: {count(everything.get('rois', 0), 'ROI')} of "
            f"{count(everything.get('patients', 0), 'patient')}, split {report.split}"
        )
    )
    console.print(
        Text(f"{report.verdict.upper()}: ", style=_STYLES[report.verdict])
        + Text(verdict_sentence(report))
    )
    for finding in report.findings:
        _print_finding(finding, console)


def _print_finding(finding: CheckResult, console: Console) -> None:
    console.print()
    console.print(
        Text(f"{finding.verdict}: ", style=_STYLES[finding.verdict])
        + Text(finding.title, style="bold")
    )
    console.print(Text(finding.sentence))
    if finding.advice:
        console.print(Text(finding.advice, style="italic"))
    if not finding.scores:
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("", overflow="fold")
    for name in ("AUC", "accuracy"):
        table.add_column(name, no_wrap=True)
    for score in finding.scores:
        numbers = (score.auc, score.accuracy)
        table.add_row(
            Text(score.name), *("" if each is None else str(each) for each in numbers)
        )
    console.print(table)
