"""The record of an audit, `audit.json`."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

from keras_wa import __version__
from keras_wa.evaluate.audit.findings import AuditReport
from keras_wa.files import write_json
from keras_wa.metrics import Estimate

FORMAT = 1
"""Version of the record's layout; `docs/audit.schema.json` describes it."""


def to_record(report: AuditReport) -> dict[str, Any]:
    """Converts the report to values for strict JSON; undefined values are None."""
    return {
        "format": FORMAT,
        "keras_wa": __version__,
        "verdict": report.verdict,
        **_plain(report),
    }


def write_record(report: AuditReport, path: Path) -> None:
    """Writes `audit.json` atomically."""
    write_json(path, to_record(report))


def _plain(value: Any) -> Any:
    if isinstance(value, Estimate):
        return _plain(value.to_record())
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
