"""A training batch is a pure function of its step."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from keras_wa.data.pipeline.augmentation import Augmentation
from keras_wa.data.pipeline.plan import class_weights
from keras_wa.data.pipeline.rois import Enhancement
from keras_wa.errors import UserError
from tests.data.pipeline.plans import (
    BATCH,
    ROIS,
    STEPS,
    N,
    assert_equal,
    plan,
    some_rois,
)


def test_a_step_depends_on_nothing_that_came_before():
    forward = [plan().draw(step) for step in range(3 * STEPS)]
    training = plan()
    backward = [training.draw(step) for step in reversed(range(3 * STEPS))]
    assert_equal(forward, reversed(backward))


def test_pixels_and_labels_belong_together():
    training = plan()
    for step in range(STEPS):
        pixels, labels, changes = training.draw(step)
        chosen = pixels[:, 0, 0]
        np.testing.assert_array_equal(pixels, ROIS.read(chosen))
        np.testing.assert_array_equal(labels, ROIS.labels[chosen])
        assert changes.shape == (BATCH, 6)


def test_random_clahe_begins_with_the_raw_pixels_of_the_rois_that_it_draws():
    raw = some_rois(seed=5)
    rois = dataclasses.replace(ROIS, read_raw=raw.read)
    usual = Enhancement(clip_limit=3.0, tiles=2)
    settings = {"source": lambda epoch: rois, "enhancement": usual, "seed": 2}
    training = plan(augmentation=Augmentation(random_clahe=0.4), **settings)
    plain = plan(**settings)
    drawn = training.augmentation.draw_clahe(N, np.random.default_rng([2, 1, 1]))
    kinds = []
    for step in range(STEPS, 2 * STEPS):  # The second epoch.
        pixels, *others = training.draw(step)
        usual_pixels, *wanted_others = plain.draw(step)
        assert_equal([others], [wanted_others])
        for i, position in enumerate(usual_pixels[:, 0, 0]):
            factor = drawn[(step - STEPS) * BATCH + i]
            wanted = raw.read([position])[0]
            if np.isnan(factor):
                wanted = ROIS.read([position])[0]
            elif factor:
                wanted = cv2.createCLAHE(3.0 * factor, (2, 2)).apply(wanted)
            np.testing.assert_array_equal(pixels[i], wanted)
            kinds.append("usual" if np.isnan(factor) else factor > 0)
    assert set(kinds) == {"usual", True, False}
    assert_equal([training.draw(step)], [dataclasses.replace(training).draw(step)])


def test_random_clahe_without_raw_pixels_is_an_error():
    training = plan(augmentation=Augmentation(random_clahe=1.0))
    with pytest.raises(ValueError, match="read_raw"):
        training.draw(0)


@pytest.mark.parametrize("size", [BATCH, N])
def test_an_epoch_has_every_roi_once_but_for_the_rest(size):
    training = plan(batch_size=size)
    steps = training.steps_per_epoch
    assert steps == N // size
    ever = set()
    for epoch in range(5):
        draws = [
            training.draw(step) for step in range(epoch * steps, (epoch + 1) * steps)
        ]
        seen = [place for pixels, *_ in draws for place in pixels[:, 0, 0].tolist()]
        assert len(seen) == len(set(seen)) == steps * size
        changes = np.concatenate([changes for *_, changes in draws])
        assert len(np.unique(changes, axis=0)) == steps * size
        ever |= set(seen)
    assert ever == set(range(N))


def test_order_and_augmentation_change_with_epoch_and_seed():
    first, later, other = plan().draw(0), plan().draw(STEPS), plan(seed=1).draw(0)
    for another in (later, other):
        assert (first[0][:, 0, 0] != another[0][:, 0, 0]).any()
        assert (first[2] != another[2]).any()


def test_each_epoch_is_drawn_from_its_own_source():
    sets = {epoch: some_rois(seed=epoch) for epoch in range(3)}
    training = plan(source=sets.__getitem__)
    for epoch in range(3):
        pixels, labels, _ = training.draw(epoch * STEPS + 1)
        chosen = pixels[:, 0, 0]
        np.testing.assert_array_equal(pixels, sets[epoch].read(chosen))
        np.testing.assert_array_equal(labels, sets[epoch].labels[chosen])


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (0, "`batch_size` must be at least 1. Received: 0"),
        (
            N + 1,
            "The batch is larger than the training set of 23 ROIs. Received: 24; lower "
            "`batch_size`.",
        ),
    ],
)
def test_an_impossible_batch_is_refused_in_one_line(size, message):
    with pytest.raises(UserError) as caught:
        plan(batch_size=size)
    assert str(caught.value) == message


def test_an_epoch_is_drawn_once_however_many_steps_it_has():
    drawn: list[int] = []

    class Counting(Augmentation):
        def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
            drawn.append(n)
            return super().draw(n, rng)

    counting = plan(augmentation=Counting())
    found = [counting.draw(step) for step in range(2 * STEPS)]
    assert drawn == [N, N]
    # Whichever step comes first, it is the same.
    assert_equal(found[::-1], [plan().draw(step) for step in range(2 * STEPS)][::-1])


@pytest.mark.parametrize("counts", [(19, 1), (8, 12), (3, 16, 1), (7, 6, 7)])
def test_class_weights_are_scikit_learn_s_balanced(counts):
    classes = np.arange(len(counts))
    labels = np.repeat(classes, counts)
    found = class_weights(labels, len(counts))
    wanted = compute_class_weight("balanced", classes=classes, y=labels)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    assert found[labels].mean() == pytest.approx(1)


@pytest.mark.parametrize(("labels", "classes"), [([0, 0], 2), ([1], 2), ([0, 2], 3)])
def test_a_class_that_is_absent_has_no_weight(labels, classes):
    with pytest.raises(ValueError, match="All classes must be present"):
        class_weights(np.array(labels), classes)
