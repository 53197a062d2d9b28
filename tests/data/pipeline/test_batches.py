"""`tf.data` gives what the plan says, and evaluation sees every ROI."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import pywt
import tensorflow as tf

from keras_wa.data.pipeline.augmentation import NO_AUGMENTATION, Augmentation, augment
from keras_wa.data.pipeline.batches import evaluation_batches, training_batches
from keras_wa.data.pipeline.rois import Rois
from keras_wa.layers import DWT2D
from tests.data.pipeline.plans import (
    BATCH,
    ROIS,
    SIZE,
    STEPS,
    N,
    arrays,
    assert_equal,
    plan,
    some_rois,
)


def test_the_shares_of_a_batch_make_up_the_batch() -> None:
    for whole, *shares in zip(
        arrays(training_batches(plan(batch_size=6), 0, 2)),
        *(
            arrays(training_batches(plan(batch_size=6, share=(i, 3)), 0, 2))
            for i in range(3)
        ),
        strict=True,
    ):
        joined = [np.concatenate(parts) for parts in zip(*shares, strict=True)]
        assert [len(part) for part in whole] == [6, 6, 6]
        assert_equal([joined], [whole])


@pytest.mark.parametrize("wavelet", [None, "haar"])
def test_a_resumed_run_sees_what_the_uninterrupted_one_would_have(
    wavelet: str | None,
) -> None:
    sets = {epoch: some_rois(seed=epoch) for epoch in range(4)}
    training = plan(source=sets.__getitem__, wavelet=wavelet)
    whole = arrays(training_batches(training, 0, 4))
    assert len(whole) == 4 * STEPS
    for done in (1, 3):
        assert_equal(arrays(training_batches(training, done, 4)), whole[done * STEPS :])


def test_a_finished_run_has_no_batches_left() -> None:
    assert arrays(training_batches(plan(), 3, 3)) == []


@pytest.mark.parametrize("weights", [(1, 1), (0.5, 2), (0.5, 2, 3)])
def test_a_batch_is_the_draw_scaled_and_augmented(weights: tuple[float, ...]) -> None:
    classes = len(weights)
    rois = Rois(ROIS.read, np.random.default_rng(0).integers(0, classes, N))
    of_class = np.array(weights, "float32")
    given = {} if weights == (1, 1) else {"weights": of_class}
    training = plan(source=lambda epoch: rois, **given)
    for step, (inputs, targets, found) in enumerate(
        arrays(training_batches(training, 0, 1))
    ):
        pixels, labels, changes = training.draw(step)
        images = pixels[..., np.newaxis] / np.float32(255)
        wanted = keras.ops.convert_to_numpy(augment(images, changes))
        assert inputs.shape == (BATCH, SIZE, SIZE, 1)
        assert inputs.dtype == targets.dtype == found.dtype == np.float32
        np.testing.assert_allclose(inputs, wanted, atol=1e-6)
        np.testing.assert_array_equal(targets, np.eye(classes)[labels])
        np.testing.assert_array_equal(found, of_class[labels])


def test_shapes_are_known_before_the_first_batch() -> None:
    inputs, targets, weights = training_batches(plan(wavelet="db2"), 0, 1).element_spec
    assert inputs.shape == (BATCH, 9, 9, 4)
    assert targets.shape == (BATCH, 2)
    assert weights.shape == (BATCH,)


@pytest.mark.parametrize("wavelet", ["haar", "db2"])
def test_subbands_of_the_pipeline_are_those_of_the_model_s_first_layer(
    wavelet: str,
) -> None:
    rois = arrays(training_batches(plan(), 0, 1))
    bands = arrays(training_batches(plan(wavelet=wavelet), 0, 1))
    layer = DWT2D(wavelet=wavelet)
    first_layer = tf.function(layer)
    for (images, *_), (found, *_) in zip(rois, bands, strict=True):
        np.testing.assert_array_equal(found, first_layer(images))
        low, details = pywt.dwt2(images[..., 0], wavelet, axes=(1, 2))
        wanted = np.stack([low, *details], axis=-1)
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_without_augmentation_the_pixels_are_those_of_the_rois() -> None:
    still = plan(augmentation=NO_AUGMENTATION)
    assert NO_AUGMENTATION.changes_nothing
    assert not Augmentation(rotation=0.0, scale=0.0).changes_nothing
    for step, (images, *_) in enumerate(training_batches(still, 0, 1)):
        pixels = still.draw(step)[0][..., np.newaxis]
        np.testing.assert_array_equal(images, np.float32(pixels) / np.float32(255))


# Evaluation -------------------------------------------------------------------------


@pytest.mark.parametrize(("batch_size", "sizes"), [(10, [10, 10, 10]), (23, [23])])
def test_evaluation_sees_all_rois_unchanged_and_in_order_in_full_batches(
    batch_size: int, sizes: list[int]
) -> None:
    batches = [batch.numpy() for batch in evaluation_batches(ROIS, SIZE, batch_size)]
    assert [len(batch) for batch in batches] == sizes
    images = ROIS.read(np.arange(N))
    wanted = images[..., np.newaxis] / np.float32(255)
    found = np.concatenate(batches)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[:N], wanted)
    assert (found[N:] == wanted[-1]).all()
    assert found.min() >= 0
    assert found.max() == 1


def test_evaluation_takes_subbands_as_training_does() -> None:
    batches = list(evaluation_batches(ROIS, SIZE, 10, wavelet="haar"))
    found = np.concatenate(batches)[:N]
    images = ROIS.read(np.arange(N)) / np.float32(255)
    low, details = pywt.dwt2(images, "haar", axes=(1, 2))
    wanted = np.stack([low, *details], axis=-1)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
