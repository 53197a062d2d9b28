"""Printing the report of an audit on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from keras_wa.cli.messages import as_flags
from keras_wa.evaluate.audit.findings import (
    AuditReport,
    CheckResult,
    Verdict,
    verdict_sentence,
)
from keras_wa.evaluate.text import count

_STYLES: dict[Verdict, str] = {
    "ok": "green",
    "not done": "dim",
    "note": "cyan",
    "warning": "yellow",
    "error": "bold red",
}


def print_report(report: AuditReport, console: Console | None = None) -> None:
    """Prints verdict, checks and scores, without colours if stdout is no terminal."""
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
    console.print(Text(as_flags(finding.sentence)))
    if finding.advice:
        console.print(Text(as_flags(finding.advice), style="italic"))
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
