"""What the systems of a comparison cost is measured once."""

from __future__ import annotations

import dataclasses

import pytest

from keras_wa.errors import UserError
from keras_wa.evaluate.compare import costs as of_costs
from keras_wa.evaluate.compare.costs import measure_costs
from keras_wa.evaluate.compare.jobs import Job
from keras_wa.evaluate.compare.systems import System
from keras_wa.training.config import TrainConfig


@dataclasses.dataclass
class Cost:
    """In place of a measurement, which takes a minute."""

    step_seconds: float


def in_this_process(work, jobs):
    yield jobs, work(jobs)


@pytest.mark.parametrize("distribute", [None, in_this_process])
def test_a_system_of_the_same_name_and_other_settings_is_measured_again(
    tmp_path, monkeypatch, distribute
):
    measured: list[str] = []

    def measure(config: TrainConfig, data: None) -> Cost:
        measured.append(config.precision)
        return Cost(0.5)

    monkeypatch.setattr(of_costs, "load_data", lambda config, progress: None)
    monkeypatch.setattr(of_costs, "measure_cost", measure)
    for precision, seed in (("float32", 0), ("float32", 1), ("mixed_bfloat16", 0)):
        jobs = [
            Job(
                System("a", "resnet50"),
                split,
                seed,
                TrainConfig(precision=precision, seed=seed, split=split),
                tmp_path,
            )
            for split in ("official", "patient-kfold", "official")
        ]
        costs = measure_costs(jobs, tmp_path, distribute)
        assert costs["a"]["step_seconds"] == 0.5
    assert measured == ["float32", "mixed_bfloat16"]


def test_a_system_whose_process_is_killed_has_no_cost(tmp_path):
    job = Job(System("a", "resnet50"), "official", 0, TrainConfig(), tmp_path)

    def killed(work, jobs):
        yield jobs, [UserError("its process was killed 3 times")]

    with pytest.raises(UserError, match="cost of a was not measured: its process was"):
        measure_costs([job], tmp_path, killed)
    assert not (tmp_path / "costs.json").exists()
