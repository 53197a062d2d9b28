"""Makes an ensemble of trained runs: a run directory like that of a training."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_wa.data.loading import DataSettings
from keras_wa.errors import UserError
from keras_wa.models.ensemble import join
from keras_wa.settings import field_names
from keras_wa.training.best import load_best, weights_digest
from keras_wa.training.config import SplitSettings
from keras_wa.training.data import load_data_of
from keras_wa.training.decision import decide, read_decision, write_decision
from keras_wa.training.fingerprint import PLACES
from keras_wa.training.run import Run

# What all members share: their ROIs, the split, the classes and the network's input.
_SHARED = (
    *(name for name in field_names(DataSettings) if name not in PLACES),
    *field_names(SplitSettings),
    "classes",
    "input_wavelet",
)


def make_ensemble(runs: Sequence[Run], run_dir: str | Path | None = None) -> Run:
    """Joins the best models of runs to one network, in a new run directory.

    Its probability is the mean of the members' calibrated probabilities. Threshold,
    temperature and grey levels are decided on the validation part, as for a training.

    Args:
        runs: the members, at least two: seeds or systems on the same ROIs and split,
            at the same image size. Each has its decision.
        run_dir: the directory, see `Run.create`. Settings that members may not share,
            such as the model and the learning rate, are those of the first; `custom`
            has a list of all `members`.

    Returns:
        The run. It has no `history.csv`, checkpoints or logs.

    Raises:
        UserError: the runs do not fit together, one lacks its best model or decision,
            the data have changed, or the directory exists and is not empty.
    """
    members = [_member(run) for run in runs]
    _require_fit(runs, members)
    first = runs[0]
    config = dataclasses.replace(first.config, custom={"members": members})
    made = Run.create(run_dir, config)
    try:
        data = load_data_of(first)
        for run in runs[1:]:
            run.require_same_data(data.cases, data.pixels)
        temperatures = [each["temperature"] for each in members]
        network = join([load_best(run) for run in runs], temperatures)
        decision = decide(network, data)
    except BaseException:
        made.give_up()
        raise
    network.save(made.best)
    write_decision(made, decision)
    made.begin(data.cases, data.pixels)
    return made


def _member(run: Run) -> dict[str, Any]:
    """Returns the record of a member, as JSON values."""
    if "members" in run.config.custom:
        raise UserError(
            f"{run.path} is an ensemble. Expected: runs of trainings. Name its members."
        )
    if run.config.views == "two":
        raise UserError(
            f"{run.path} was trained with views='two'. Expected: members of one view."
        )
    digest, decision = weights_digest(run), read_decision(run)
    if decision is None:
        raise UserError(
            f"{run.path} has no decision.json, whose temperature calibrates the "
            f"member. Evaluate it: `evaluate_run(run={str(run.path)!r})`"
        )
    return {
        "run": str(run.path.absolute()),
        "model": run.config.model,
        "seed": run.config.seed,
        "weights": digest,
        "temperature": decision.temperature,
    }


def _require_fit(runs: Sequence[Run], members: Sequence[dict[str, Any]]) -> None:
    if len(runs) < 2:
        raise UserError(
            f"`runs`: an ensemble has several members. Received: {len(runs)}; expected "
            "at least 2."
        )
    seen: dict[str, Run] = {}
    for run, member in zip(runs, members, strict=True):
        other = seen.setdefault(member["weights"], run)
        if other is not run:
            raise UserError(
                f"{run.path} has the same weights as {other.path}. Expected: each "
                "member once."
            )
        for name in _SHARED:
            _require_equal(runs[0], run, name)


def _require_equal(first: Run, other: Run, name: str) -> None:
    then, now = (getattr(run.config, name) for run in (first, other))
    if then != now:
        raise UserError(
            f"{other.path} has a different `{name}` than {first.path}. Received: "
            f"{now!r}; expected {then!r}. The members of an ensemble have the same "
            "data, split, classes and input."
        )
