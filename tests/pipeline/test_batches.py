"""A training batch is a pure function of its step, and evaluation sees every ROI."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import pywt
import tensorflow as tf
from sklearn.utils.class_weight import compute_class_weight

from keras_wa.errors import UserError
from keras_wa.layers import DWT2D
from keras_wa.phantom import PhantomSpec
from keras_wa.pipeline.augmentation import NO_AUGMENTATION, Augmentation, augment
from keras_wa.pipeline.batches import (
    TrainingPlan,
    class_weights,
    evaluation_batches,
)
from keras_wa.pipeline.rois import Enhancement, FreshPhantom, Rois

N, SIZE, BATCH = 23, 16, 5
STEPS = 4


def some_rois(n: int = N, seed: int = 0) -> Rois:
    """Random ROIs whose first pixel is their position."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, SIZE, SIZE), dtype=np.uint8)
    images[:, 0, 0] = np.arange(n)
    return Rois(lambda positions: images[positions], rng.integers(0, 2, n))


ROIS = some_rois()


def plan(**settings: Any) -> TrainingPlan:
    defaults: dict[str, Any] = {
        "source": lambda epoch: ROIS,
        "n": N,
        "image_size": SIZE,
        "batch_size": BATCH,
        "augmentation": Augmentation(),
    }
    return TrainingPlan(**{**defaults, **settings})


def arrays(batches: tf.data.Dataset) -> list[tuple[np.ndarray, ...]]:
    return [tuple(part.numpy() for part in batch) for batch in batches]


def assert_equal(found: Any, wanted: Any) -> None:
    for left, right in zip(found, wanted, strict=True):
        for a, b in zip(left, right, strict=True):
            np.testing.assert_array_equal(a, b)


def positions_of(training: TrainingPlan, step: int) -> list[int]:
    return training.draw(step)[0][:, 0, 0].tolist()


# The plan ---------------------------------------------------------------------------


def test_a_step_depends_on_nothing_that_came_before() -> None:
    forward = [plan().draw(step) for step in range(3 * STEPS)]
    training = plan()
    backward = [training.draw(step) for step in reversed(range(3 * STEPS))]
    assert_equal(forward, reversed(backward))


def test_pixels_and_labels_belong_together() -> None:
    training = plan()
    for step in range(STEPS):
        pixels, labels, changes = training.draw(step)
        chosen = pixels[:, 0, 0]
        np.testing.assert_array_equal(pixels, ROIS.read(chosen))
        np.testing.assert_array_equal(labels, ROIS.labels[chosen])
        assert changes.shape == (BATCH, 6)


def test_an_epoch_has_every_roi_once_but_for_the_rest() -> None:
    training = plan()
    assert training.steps_per_epoch == STEPS == N // BATCH
    for epoch in range(3):
        steps = range(epoch * STEPS, (epoch + 1) * STEPS)
        seen = [position for step in steps for position in positions_of(training, step)]
        assert len(seen) == len(set(seen)) == STEPS * BATCH
        assert set(seen) <= set(range(N))


def test_a_batch_as_large_as_the_set_leaves_none_out() -> None:
    training = plan(batch_size=N)
    assert training.steps_per_epoch == 1
    assert sorted(positions_of(training, 7)) == list(range(N))


def test_no_roi_is_left_out_for_long() -> None:
    training = plan()
    seen = {p for step in range(5 * STEPS) for p in positions_of(training, step)}
    assert seen == set(range(N))


def test_order_and_augmentation_change_with_epoch_and_seed() -> None:
    first, later, other = plan().draw(0), plan().draw(STEPS), plan(seed=1).draw(0)
    for another in (later, other):
        assert (first[0][:, 0, 0] != another[0][:, 0, 0]).any()
        assert (first[2] != another[2]).any()


def test_within_an_epoch_no_two_rois_are_changed_alike() -> None:
    training = plan()
    changes = np.concatenate([training.draw(step)[2] for step in range(STEPS)])
    assert len(np.unique(changes, axis=0)) == STEPS * BATCH


def test_each_epoch_is_drawn_from_its_own_source() -> None:
    sets = {epoch: some_rois(seed=epoch) for epoch in range(3)}
    training = plan(source=sets.__getitem__)
    for epoch in range(3):
        pixels, labels, _ = training.draw(epoch * STEPS + 1)
        chosen = pixels[:, 0, 0]
        np.testing.assert_array_equal(pixels, sets[epoch].read(chosen))
        np.testing.assert_array_equal(labels, sets[epoch].labels[chosen])


def test_the_shares_of_a_batch_make_up_the_batch() -> None:
    for whole, *shares in zip(
        arrays(plan(batch_size=6).batches(0, 2)),
        *(arrays(plan(batch_size=6, share=(i, 3)).batches(0, 2)) for i in range(3)),
        strict=True,
    ):
        joined = [np.concatenate(parts) for parts in zip(*shares, strict=True)]
        assert [len(part) for part in whole] == [6, 6, 6]
        assert_equal([joined], [whole])


def test_a_batch_larger_than_the_set_is_refused_in_one_line() -> None:
    with pytest.raises(UserError) as caught:
        plan(batch_size=N + 1)
    assert str(caught.value) == (
        "The batch is larger than the training set of 23 ROIs. Received: 24; lower "
        "--batch-size."
    )


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(UserError, match=r"--batch-size must be at least 1. Received"):
        plan(batch_size=0)


# The batches ------------------------------------------------------------------------


@pytest.mark.parametrize("wavelet", [None, "haar"])
def test_a_resumed_run_sees_what_the_uninterrupted_one_would_have(
    wavelet: str | None,
) -> None:
    sets = {epoch: some_rois(seed=epoch) for epoch in range(4)}
    training = plan(source=sets.__getitem__, wavelet=wavelet)
    whole = arrays(training.batches(0, 4))
    assert len(whole) == 4 * STEPS
    for done in (1, 3):
        assert_equal(arrays(training.batches(done, 4)), whole[done * STEPS :])


def test_a_finished_run_has_no_batches_left() -> None:
    assert arrays(plan().batches(3, 3)) == []


def test_a_batch_is_the_draw_scaled_and_augmented() -> None:
    training = plan(weights=np.array([0.5, 2.0], "float32"))
    for step, (inputs, targets, weights) in enumerate(arrays(training.batches(0, 1))):
        pixels, labels, changes = training.draw(step)
        images = pixels[..., np.newaxis] / np.float32(255)
        wanted = keras.ops.convert_to_numpy(augment(images, changes))
        assert inputs.shape == (BATCH, SIZE, SIZE, 1)
        assert inputs.dtype == targets.dtype == weights.dtype == np.float32
        np.testing.assert_allclose(inputs, wanted, atol=1e-6)
        np.testing.assert_array_equal(targets, np.eye(2)[labels])
        np.testing.assert_array_equal(weights, np.where(labels == 1, 2.0, 0.5))


def test_three_classes_have_three_targets_and_a_weight_each() -> None:
    rng = np.random.default_rng(0)
    rois = Rois(ROIS.read, rng.integers(0, 3, N))
    weights = np.array([0.5, 2.0, 3.0], "float32")
    training = plan(source=lambda epoch: rois, weights=weights)
    assert training.batches(0, 1).element_spec[1].shape == (BATCH, 3)
    for step, (_, targets, found) in enumerate(arrays(training.batches(0, 1))):
        _, labels, _ = training.draw(step)
        np.testing.assert_array_equal(targets, np.eye(3)[labels])
        np.testing.assert_array_equal(found, weights[labels])


def test_shapes_are_known_before_the_first_batch() -> None:
    inputs, targets, weights = plan(wavelet="db2").batches(0, 1).element_spec
    assert inputs.shape == (BATCH, 9, 9, 4)
    assert targets.shape == (BATCH, 2)
    assert weights.shape == (BATCH,)


def test_without_weights_every_roi_counts_the_same() -> None:
    for _, _, weights in arrays(plan().batches(0, 1)):
        np.testing.assert_array_equal(weights, 1)


@pytest.mark.parametrize("wavelet", ["haar", "db2"])
def test_subbands_of_the_pipeline_are_those_of_the_model_s_first_layer(
    wavelet: str,
) -> None:
    rois = arrays(plan().batches(0, 1))
    bands = arrays(plan(wavelet=wavelet).batches(0, 1))
    layer = DWT2D(wavelet=wavelet)
    first_layer = tf.function(layer)
    for (images, *_), (found, *_) in zip(rois, bands, strict=True):
        np.testing.assert_array_equal(found, first_layer(images))
        low, details = pywt.dwt2(images[..., 0], wavelet, axes=(1, 2))
        wanted = np.stack([low, *details], axis=-1)
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_fresh_phantom_rois_are_new_every_epoch_and_resume() -> None:
    spec = PhantomSpec(size=32, field_mm=7.3)
    training = plan(
        source=FreshPhantom(spec, 6, Enhancement()), n=6, image_size=32, batch_size=3
    )
    whole = arrays(training.batches(0, 2))
    assert len({inputs.tobytes() for inputs, *_ in whole}) == len(whole) == 4
    resumed = plan(
        source=FreshPhantom(spec, 6, Enhancement()), n=6, image_size=32, batch_size=3
    )
    assert_equal(arrays(resumed.batches(1, 2)), whole[2:])


# Evaluation -------------------------------------------------------------------------


@pytest.mark.parametrize(("batch_size", "sizes"), [(10, [10, 10, 3]), (23, [23])])
def test_evaluation_sees_all_rois_unchanged_and_in_order(
    batch_size: int, sizes: list[int]
) -> None:
    batches = [batch.numpy() for batch in evaluation_batches(ROIS, SIZE, batch_size)]
    assert [len(batch) for batch in batches] == sizes
    images = ROIS.read(np.arange(N))
    wanted = images[..., np.newaxis] / np.float32(255)
    found = np.concatenate(batches)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, wanted)
    assert found.min() >= 0
    assert found.max() == 1


def test_evaluation_takes_subbands_as_training_does() -> None:
    found = np.concatenate(list(evaluation_batches(ROIS, SIZE, 10, wavelet="haar")))
    images = ROIS.read(np.arange(N)) / np.float32(255)
    low, details = pywt.dwt2(images, "haar", axes=(1, 2))
    wanted = np.stack([low, *details], axis=-1)
    np.testing.assert_allclose(found, wanted, atol=1e-6)


# Class weights ----------------------------------------------------------------------


@pytest.mark.parametrize("counts", [(19, 1), (8, 12), (3, 16, 1), (7, 6, 7)])
def test_class_weights_are_scikit_learn_s_balanced(counts: tuple[int, ...]) -> None:
    classes = np.arange(len(counts))
    labels = np.repeat(classes, counts)
    found = class_weights(labels, len(counts))
    wanted = compute_class_weight("balanced", classes=classes, y=labels)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    assert found[labels].mean() == pytest.approx(1)


@pytest.mark.parametrize(("labels", "classes"), [([0, 0], 2), ([1], 2), ([0, 2], 3)])
def test_a_class_that_is_absent_has_no_weight(labels: list[int], classes: int) -> None:
    with pytest.raises(ValueError, match="All classes must be present"):
        class_weights(np.array(labels), classes)


def test_an_epoch_is_drawn_once_however_many_steps_it_has() -> None:
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


def test_without_augmentation_the_pixels_are_those_of_the_rois() -> None:
    still = plan(augmentation=NO_AUGMENTATION)
    assert NO_AUGMENTATION.changes_nothing
    assert not Augmentation(rotation=0.0, scale=0.0).changes_nothing
    for step, (images, *_) in enumerate(still.batches(0, 1)):
        pixels = still.draw(step)[0][..., np.newaxis]
        np.testing.assert_array_equal(images, np.float32(pixels) / np.float32(255))
