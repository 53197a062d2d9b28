"""The runs of a comparison in other processes."""

from __future__ import annotations

from keras_wa.evaluate.compare.comparing import run_jobs
from keras_wa.evaluate.compare.jobs import Job
from keras_wa.evaluate.compare.systems import System
from keras_wa.files import locked
from keras_wa.training.config import TrainConfig


def in_this_process(work, jobs):
    yield jobs, work(jobs)


def test_a_task_leaves_a_run_to_the_process_that_holds_it(tmp_path):
    """Not an error of the node, which would get no more tasks."""
    system = System("alexnet", "alexnet")
    config = TrainConfig(dataset="phantom", model="alexnet")
    job = Job(system, "official", 0, config, tmp_path / "run")

    with locked(job.path):
        outcome = run_jobs([job], 10, 0, in_this_process)
    assert outcome.held == [job]
    assert not outcome.failed
