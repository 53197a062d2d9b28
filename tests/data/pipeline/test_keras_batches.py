"""Without TensorFlow the batches hold the same numbers, in the same order."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from keras_wa.data.pipeline.augmentation import NO_AUGMENTATION, Augmentation
from keras_wa.data.pipeline.batches import evaluation_batches, training_batches
from keras_wa.data.pipeline.keras_batches import EvaluationBatches, TrainingBatches
from tests.data.pipeline.plans import ROIS, SIZE, STEPS, N, arrays, plan

PLANS: dict[str, dict[str, Any]] = {
    "augmented": {},
    "still": {"augmentation": NO_AUGMENTATION},
    "weighted": {"weights": np.array([0.5, 2.0], "float32")},
    "subbands": {"wavelet": "db2"},
    "a share": {"batch_size": 6, "share": (1, 3)},
    "tones": {
        "augmentation": Augmentation(gamma=1.0, random_clahe=0.5),
        "source": lambda epoch: dataclasses.replace(ROIS, read_raw=ROIS.read),
    },
}


@pytest.mark.parametrize("name", PLANS)
def test_training_batches_are_those_of_tf_data(name: str) -> None:
    training = plan(**PLANS[name])
    wanted = arrays(training_batches(training, 1, 3))
    batches = TrainingBatches(training, 1, 3)
    assert len(batches) == len(wanted)
    for index, parts in enumerate(wanted):
        for found, part in zip(batches[index], parts, strict=True):
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, part, rtol=0, atol=1e-6)


def test_a_batch_can_be_asked_for_again_and_out_of_order() -> None:
    batches = TrainingBatches(plan(), 0, 2)
    forward = [batches[index] for index in range(2 * STEPS)]
    for index in (0, 1, 5, 2, 0):
        for first, again in zip(forward[index], batches[index], strict=True):
            np.testing.assert_array_equal(first, again)


def test_what_fails_in_a_thread_is_raised_where_the_batch_is_asked_for() -> None:
    def fail(epoch: int) -> Any:
        raise ValueError("this ROI is not there")

    with pytest.raises(ValueError, match="this ROI is not there"):
        TrainingBatches(plan(source=fail), 0, 1)[0]


@pytest.mark.parametrize("wavelet", [None, "haar"])
@pytest.mark.parametrize("size", [10, N])
def test_evaluation_batches_are_those_of_tf_data(
    size: int, wavelet: str | None
) -> None:
    wanted = np.concatenate(list(evaluation_batches(ROIS, SIZE, size, wavelet)))
    batches = EvaluationBatches(ROIS, SIZE, size, wavelet)
    found = [batches[index][0] for index in range(len(batches))]
    assert {len(batch) for batch in found} == {size}
    np.testing.assert_allclose(np.concatenate(found), wanted, rtol=0, atol=1e-6)
