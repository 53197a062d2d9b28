from __future__ import annotations

import cv2
import numpy as np
import pytest

from keras_wa.evaluate.audit.look_alikes import similar_pairs
from keras_wa.evaluate.audit.perceptual_hash import SYMMETRIES, turn_images
from keras_wa.phantom import PhantomSpec, phantom_cases, render_rois
from tests.evaluate.audit.tables import pictures


def found(images):
    pairs = similar_pairs(images)
    return [tuple(row) for row in pairs[["first", "second"]].to_numpy().tolist()]


def test_different_images_are_not_alike():
    assert found(pictures(200)) == []


@pytest.mark.parametrize("symmetry", range(8))
def test_a_turned_copy_is_found_and_how_it_is_turned(symmetry):
    images = pictures(12)
    images[9] = turn_images(images[4:5], symmetry)[0]
    pairs = similar_pairs(images)
    assert pairs[["first", "second"]].to_numpy().tolist() == [[4, 9]]
    again = turn_images(images[9:10], int(pairs["symmetry"][0]))[0]
    assert np.array_equal(again, images[4]), SYMMETRIES[pairs["symmetry"][0]]
    assert pairs["correlation"][0] == pytest.approx(1, abs=1e-4)


def gamma(image):
    return (255 * (image / 255) ** 1.3).astype(np.uint8)


def noise(image):
    more = image + np.random.default_rng(0).normal(0, 5, image.shape)
    return np.clip(more, 1, 255).astype(np.uint8)


def jpeg(image):
    return cv2.imdecode(cv2.imencode(".jpg", image, [1, 40])[1], 0)


def cut(image):
    return cv2.resize(image[2:, 2:], image.shape)


@pytest.mark.parametrize("change", [gamma, noise, jpeg, cut])
def test_a_changed_copy_is_found(change):
    images = pictures(40, size=128)
    images[20:] = np.stack([change(image) for image in images[:20]])
    assert found(images) == [(row, row + 20) for row in range(20)]


def test_the_edge_of_a_film_makes_no_images_alike():
    images = pictures(60)
    images[:, :, :30] = 0
    images[:, :10] = 0
    assert found(images) == []
    images[50] = images[3]
    assert found(images) == [(3, 50)]


def test_a_slow_gradient_makes_no_images_alike():
    images = pictures(60).astype(np.float32) * 0.1
    slope = np.linspace(0, 200, 64, dtype=np.float32)
    assert found((images + slope[:, None] + 20).clip(1, 255).astype(np.uint8)) == []


@pytest.mark.parametrize("level", [0, 7, 255])
def test_images_without_detail_are_like_no_other(level):
    assert found(np.full((5, 64, 64), level, np.uint8)) == []


def test_one_image_and_three_alike():
    assert found(pictures(1)) == []
    assert found(pictures(1)[[0, 0, 0]]) == [(0, 1), (0, 2), (1, 2)]


def test_the_phantom_repeats_nothing():
    spec = PhantomSpec(size=64, field_mm=12.8)
    assert found(render_rois(spec, phantom_cases(spec, n=100))) == []


def test_a_copy_is_found_among_thousands():
    images = np.random.default_rng(0).integers(1, 255, (2_000, 64, 64), np.uint8)
    images[1_999] = images[0]
    assert found(images) == [(0, 1_999)]
