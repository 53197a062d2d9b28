"""The record of an audit, `audit.json`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from keras_wa import __version__
from keras_wa.evaluate.audit.findings import AuditReport
from keras_wa.files import without_nan, write_json

FORMAT = 1
"""Version of the record's layout; `docs/audit.schema.json` describes it."""


def to_record(report: AuditReport) -> dict[str, Any]:
    """Converts the report to values for strict JSON; undefined values are None."""
    # Of an `Estimate`, the value and its interval.
    fields = dataclasses.asdict(
        report,
        dict_factory=lambda pairs: {
            name: value
            for name, value in pairs
            if name not in ("standard_error", "n_dropped")
        },
    )
    head = {"format": FORMAT, "keras_wa": __version__, "verdict": report.verdict}
    return dict(without_nan({**head, **fields}))


def write_record(report: AuditReport, path: Path) -> None:
    """Writes `audit.json` atomically."""
    write_json(path, to_record(report))
