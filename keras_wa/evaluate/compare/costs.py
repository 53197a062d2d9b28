"""Measures what the systems of a comparison cost."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_wa.errors import UserError
from keras_wa.evaluate.compare.jobs import Distribute, Job
from keras_wa.files import write_json
from keras_wa.training.cost import measure_cost
from keras_wa.training.data import load_data
from keras_wa.training.fingerprint import fingerprint_hash

_log = logging.getLogger(__name__)


def measure_costs(
    jobs: Sequence[Job], out: Path, distribute: Distribute | None = None
) -> dict[str, Any]:
    """Measures parameters, operations and step time of each system, once.

    The results are kept in `costs.json`, so that a resumed comparison does not measure
    again unless a system has other settings. The split does not matter.

    Args:
        jobs: the runs.
        out: folder of `costs.json`.
        distribute: see `run_jobs`; one process measures all, one after the other.

    Raises:
        UserError: the process that measures was killed three times.
    """
    file = out / "costs.json"
    costs = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    missing: dict[str, Job] = {}
    for job in jobs:
        own = _fingerprint_of(job)
        if costs.get(job.system.name, {}).get("fingerprint") != own:
            missing.setdefault(job.system.name, job)
    if not missing:
        return costs
    _log.info("Measuring the cost of %s", ", ".join(missing))
    work = [list(missing.values())]
    done = distribute(_costs, work) if distribute else [(work, _costs(work))]
    ((_, (found,)),) = done
    if isinstance(found, UserError):
        raise UserError(
            f"The cost of {', '.join(missing)} was not measured: {found}. The same "
            "command tries again."
        ) from found
    for (name, job), cost in zip(missing.items(), found, strict=True):
        costs[name] = {**cost, "fingerprint": _fingerprint_of(job)}
    write_json(file, costs)
    return costs


def _fingerprint_of(job: Job) -> str:
    return fingerprint_hash(dataclasses.replace(job.config, split="official", fold=0))


def _costs(groups: list[list[Job]]) -> list[list[dict[str, Any]]]:
    """Measures each run's system; two at a time would slow each other down."""
    return [
        [
            dataclasses.asdict(
                measure_cost(job.config, load_data(job.config, progress=False))
            )
            for job in jobs
        ]
        for jobs in groups
    ]
