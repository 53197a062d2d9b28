from __future__ import annotations

import functools

import cv2
import numpy as np
import pytest
import scipy.ndimage

from keras_wa.detection import breast_mask
from keras_wa.errors import UserError
from keras_wa.phantom import PhantomSpec
from keras_wa.phantom.film import plan_film

SHAPE, PIXEL_MM = (900, 600), 0.15


@functools.cache
def _draw(side="LEFT", view="CC", density=2, patient="P"):
    """A phantom film and where its breast lies by construction."""
    spec = PhantomSpec(seed=5)
    film = plan_film(spec, SHAPE, PIXEL_MM, "f", patient, side, view, density, [])
    skin = film.breast.skin_mm
    skin = skin[:, ::-1] if film.breast.mirrored else skin
    skin = cv2.resize(skin.astype(np.float32), SHAPE[::-1])
    return (film.draw() >> 8).astype(np.uint8), skin > 0


def draw(*arguments):
    image, breast = _draw(*arguments)
    return image.copy(), breast


@pytest.mark.parametrize("density", [1, 4])
@pytest.mark.parametrize(("side", "view"), [("LEFT", "CC"), ("RIGHT", "MLO")])
def test_the_mask_is_the_breast_to_two_millimetres_of_skin(side, view, density):
    image, breast = draw(side, view, density)
    mask = breast_mask(image)
    assert mask.shape == image.shape
    assert mask.dtype == bool
    overlap = (mask & breast).sum() / (mask | breast).sum()
    assert overlap > 0.95
    assert not (mask & ~breast).any()
    depth_mm = scipy.ndimage.distance_transform_edt(breast) * PIXEL_MM
    assert depth_mm[~mask].max() < 2.5


def test_a_label_in_the_air_is_left_out():
    image, _ = draw("LEFT", "CC")
    image[60:160, 440:560] = 255
    assert not breast_mask(image)[50:170, 430:570].any()


def test_a_label_that_touches_the_breast_by_a_strip_is_left_out():
    image, breast = draw("LEFT", "CC")
    row = 450
    skin = int(np.flatnonzero(breast[row])[-1])
    assert skin < 480
    image[row - 40 : row + 40, 530:590] = 255
    image[row - 3 : row + 3, skin - 5 : 535] = 255
    assert not breast_mask(image)[row - 40 : row + 40, 530:590].any()


def test_holes_are_filled():
    image, breast = draw("LEFT", "CC")
    row, column = 450, 100
    assert breast[row - 45 : row + 45, column - 45 : column + 45].all()
    image[row - 40 : row + 40, column - 40 : column + 40] = 0
    assert breast_mask(image)[row - 40 : row + 40, column - 40 : column + 40].all()


def test_the_unit_of_the_grey_levels_does_not_matter():
    image, _ = draw()
    mask = breast_mask(image)
    assert np.mean(mask == breast_mask(image / 255.0)) > 0.999
    assert np.mean(mask == breast_mask(image.astype(np.uint16) * 257)) > 0.999


def test_an_image_of_one_grey_level_has_no_breast():
    assert not breast_mask(np.full((64, 48), 90, np.uint8)).any()


@pytest.mark.parametrize("shape", [(20, 20, 3), (400,), (4, 400)])
def test_what_is_no_grey_image_is_an_error(shape):
    with pytest.raises(UserError, match=r"one grey image\. Received: shape="):
        breast_mask(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_no_number_is_an_error(value):
    image = np.zeros((40, 30), np.float32)
    image[7, 8] = value
    with pytest.raises(UserError, match=r"Received: NaN or infinity"):
        breast_mask(image)
