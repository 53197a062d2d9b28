"""Augmentation: what is applied is what was drawn, and what is drawn is in range."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import scipy.ndimage
import scipy.stats

from keras_wa.data.pipeline.augmentation import NO_AUGMENTATION, Augmentation, augment
from keras_wa.errors import UserError

IDENTITY = (1.0, 0, 0, 1)


def rois(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, dtype="float32")


def apply(images: np.ndarray, *changes: tuple[float, ...]) -> np.ndarray:
    """Applies one row of changes to each of the images `(batch, height, width)`."""
    tensor = keras.ops.convert_to_tensor(images[..., np.newaxis])
    result = augment(tensor, np.array(changes, "float32"))
    assert result.shape == tensor.shape
    assert result.dtype == tensor.dtype
    return keras.ops.convert_to_numpy(result)[..., 0]


def geometry(*matrix: float) -> tuple[float, ...]:
    return (*matrix, 1.0, 0.0)


# Applying ---------------------------------------------------------------------------


def test_no_augmentation_draws_the_identity():
    changes = NO_AUGMENTATION.draw(5, np.random.default_rng(0))
    np.testing.assert_array_equal(changes, [geometry(*IDENTITY)] * 5)


@pytest.mark.parametrize("size", [8, 7])
@pytest.mark.parametrize(
    ("matrix", "by_numpy"),
    [
        (IDENTITY, np.array),
        ((-1, 0, 0, 1), np.fliplr),
        ((1, 0, 0, -1), np.flipud),
        ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
        ((0, -1, 1, 0), np.rot90),
        ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
    ],
)
def test_exact_flips_and_turns_are_numpy_s(matrix, by_numpy, size):
    images = rois(1, size, size)
    (moved,) = apply(images, geometry(*matrix))
    np.testing.assert_allclose(moved, by_numpy(images[0]), atol=1e-6)


def test_scale_grows_a_centred_disc_by_its_factor():
    y, x = np.mgrid[:65, :65] - 32.0
    disc = (np.hypot(x, y) <= 16).astype("float32")[np.newaxis]
    for factor in (1 / 1.3, 1.3):
        grown = apply(disc, geometry(1 / factor, 0, 0, 1 / factor))
        assert grown.sum() == pytest.approx(disc.sum() * factor**2, rel=0.01)
        assert (grown * x).sum() == pytest.approx(0, abs=1e-2)
        assert (grown * y).sum() == pytest.approx(0, abs=1e-2)


def test_any_geometry_is_scipy_s_bilinear_affine_map():
    images = rois(12, 24, 30)
    settings = Augmentation(scale=0.5, resampled=1, brightness=0, contrast=0)
    changes = settings.draw(len(images), np.random.default_rng(1))
    moved = apply(images, *changes)
    centre = np.array([23, 29]) / 2
    compared = 0
    for image, found, (a, b, d, e, *_) in zip(images, moved, changes, strict=True):
        matrix = np.array([[e, d], [b, a]])  # SciPy counts rows before columns.
        offset = centre - matrix @ centre
        wanted = scipy.ndimage.affine_transform(
            image, matrix, offset, order=1, mode="nearest"
        )
        outputs = np.moveaxis(np.indices(image.shape), 0, -1)
        inputs = outputs @ matrix.T + offset
        inside = ((inputs >= 0) & (inputs <= [23, 29])).all(axis=-1)
        np.testing.assert_allclose(found[inside], wanted[inside], atol=2e-5)
        compared += inside.sum()
    assert compared > 0.5 * images.size


def test_beyond_the_edge_is_mirrored_tissue():
    image = rois(1, 6, 6)
    padded = np.pad(image[0], 3, mode="symmetric")
    shrunk = apply(image, geometry(2, 0, 0, 2))
    # Output (i, j) lies half way between the padded rows and columns 2 i and 2 i + 1.
    wanted = padded.reshape(6, 2, 6, 2).mean(axis=(1, 3))
    inner = slice(1, -1)
    np.testing.assert_allclose(shrunk[0][inner, inner], wanted[inner, inner], atol=1e-6)


def test_contrast_and_brightness_worked_by_hand():
    image = np.array([[[0.1, 0.5], [0.5, 0.9]]], "float32")
    image = np.repeat(image, 4, axis=0)
    changed = apply(
        image,
        (*IDENTITY, 1.2, 0.0),
        (*IDENTITY, 1.0, 0.05),
        (*IDENTITY, 0.5, -0.1),
        (*IDENTITY, 1.5, 0.2),
    )
    np.testing.assert_allclose(changed[0], [[0.02, 0.5], [0.5, 0.98]], atol=1e-6)
    np.testing.assert_allclose(changed[1], [[0.15, 0.55], [0.55, 0.95]], atol=1e-6)
    np.testing.assert_allclose(changed[2], [[0.2, 0.4], [0.4, 0.6]], atol=1e-6)
    # 0.1 and 1.3 before clipping.
    np.testing.assert_allclose(changed[3], [[0.1, 0.7], [0.7, 1.0]], atol=1e-6)


def test_gamma_is_the_exponent_before_contrast_and_brightness():
    image = np.array([[[0.0, 0.25], [0.5, 1.0]]], "float32")
    changed = apply(
        np.repeat(image, 3, axis=0),
        (*IDENTITY, 1.0, 0.0, 1.0),
        (*IDENTITY, 1.0, 0.0, 2.0),
        (*IDENTITY, 0.5, 0.1, 0.5),
    )
    np.testing.assert_allclose(changed[0], image[0], atol=1e-6)
    np.testing.assert_allclose(changed[1], image[0] ** 2, atol=1e-6)
    root = np.sqrt(image[0])
    wanted = 0.5 * (root - root.mean()) + root.mean() + 0.1
    np.testing.assert_allclose(changed[2], wanted, atol=1e-6)


def test_grey_values_stay_between_0_and_1():
    wild = Augmentation(scale=1.0, brightness=1.0, contrast=1.0, gamma=5.0)
    changes = wild.draw(40, np.random.default_rng(0))
    changed = apply(rois(40, 16, 16), *changes)
    assert changed.min() == 0
    assert changed.max() == 1


def test_each_roi_is_changed_by_its_own_row_alone():
    images = rois(4, 16, 16)
    changes = Augmentation().draw(4, np.random.default_rng(0))
    together = apply(images, *changes)
    for i in range(4):
        alone = apply(images[i : i + 1], changes[i])
        np.testing.assert_allclose(alone[0], together[i], atol=1e-6)


# Drawing ----------------------------------------------------------------------------


def test_the_draw_of_a_roi_does_not_depend_on_how_many_follow():
    few = Augmentation().draw(3, np.random.default_rng(3))
    assert few.dtype == np.float32
    assert few.shape == (3, 6)
    many = Augmentation().draw(50, np.random.default_rng(3))
    np.testing.assert_array_equal(many[:3], few)
    assert (Augmentation().draw(3, np.random.default_rng(4)) != few).any()


def parameters(changes: np.ndarray) -> dict[str, np.ndarray]:
    """Reads flips, angle and zoom back out of the matrices."""
    matrix = changes[:, :4].reshape(-1, 2, 2).astype("float64")
    determinant = np.linalg.det(matrix)
    return {
        "mirrored": determinant < 0,
        "zoom": np.abs(determinant) ** -0.5,
        "angle": np.rad2deg(np.arctan2(-matrix[:, 0, 1], matrix[:, 0, 0])),
        "contrast": changes[:, 4],
        "brightness": changes[:, 5],
    }


# The draws are seeded: a test fails always or never, and by mere chance once in 1000.
CHANCE = 1e-3


def assert_uniform(values: np.ndarray, low: float, high: float) -> None:
    """In the range, and evenly spread over it."""
    assert values.min() >= low - 1e-5
    assert values.max() <= high + 1e-5
    even = scipy.stats.uniform(low, high - low)
    assert scipy.stats.kstest(values, even.cdf).pvalue > CHANCE


def test_every_parameter_is_spread_evenly_over_its_range():
    setting = Augmentation(
        flip=False, rotation=30, scale=0.2, resampled=1, brightness=0.3, contrast=0.4
    )
    drawn = parameters(setting.draw(4000, np.random.default_rng(0)))
    assert not drawn["mirrored"].any()
    assert_uniform(drawn["angle"], -30, 30)
    assert_uniform(np.log(drawn["zoom"]), -np.log(1.2), np.log(1.2))
    assert_uniform(drawn["contrast"], 0.6, 1.4)
    assert_uniform(drawn["brightness"], -0.3, 0.3)


def test_gamma_is_spread_evenly_about_1_and_changes_no_other_draw():
    plain = Augmentation().draw(4000, np.random.default_rng(0))
    drawn = Augmentation(gamma=0.5).draw(4000, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn[:, :6], plain)
    assert_uniform(np.log(drawn[:, 6]), -np.log(1.5), np.log(1.5))
    few = Augmentation(gamma=0.5).draw(3, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn[:3], few)
    together = np.corrcoef(drawn[:, [1, 4, 5, 6]], rowvar=False)
    assert np.abs(together - np.eye(4)).max() < 0.06


def test_of_the_part_asked_for_half_get_no_clahe_and_half_another_clip_limit():
    factors = Augmentation(random_clahe=0.3).draw_clahe(8000, np.random.default_rng(0))
    drawn = factors[~np.isnan(factors)]
    assert len(drawn) / 8000 == pytest.approx(0.3, abs=0.03)
    assert (drawn == 0).mean() == pytest.approx(0.5, abs=0.04)
    assert_uniform(np.log2(drawn[drawn > 0]), -1, 1)
    few = Augmentation(random_clahe=0.3).draw_clahe(9, np.random.default_rng(0))
    np.testing.assert_array_equal(factors[:9], few)
    for part, changed in ((0.0, 0), (1.0, 50)):
        some = Augmentation(random_clahe=part).draw_clahe(50, np.random.default_rng(1))
        assert np.count_nonzero(~np.isnan(some)) == changed


def test_each_flip_comes_half_the_time_and_apart_from_the_other():
    only_flips = Augmentation(rotation=0, scale=0, brightness=0, contrast=0)
    changes = only_flips.draw(4000, np.random.default_rng(0))
    assert (changes[:, [1, 2]] == 0).all()
    assert set(np.unique(changes[:, [0, 3]])) == {-1.0, 1.0}
    pairs = 2 * (changes[:, 0] < 0) + (changes[:, 3] < 0)
    counts = np.bincount(pairs, minlength=4)
    assert scipy.stats.chisquare(counts).pvalue > CHANCE


def test_a_roi_that_is_not_resampled_keeps_every_pixel_value():
    images = rois(60, 9, 9)
    exact = Augmentation(resampled=0, brightness=0, contrast=0)
    moved = apply(images, *exact.draw(60, np.random.default_rng(0)))
    turns = set()
    for image, found in zip(images, moved, strict=True):
        same = [
            (k, mirrored)
            for k in range(4)
            for mirrored in (False, True)
            if np.allclose(
                found, np.rot90(np.fliplr(image) if mirrored else image, k), atol=1e-5
            )
        ]
        assert len(same) == 1
        turns.update(same)
    assert len(turns) == 8


@pytest.mark.parametrize(
    ("rotation", "shares"),
    [
        (180, {-180: 1 / 8, -90: 1 / 4, 0: 1 / 4, 90: 1 / 4, 180: 1 / 8}),
        (90, {-90: 1 / 4, 0: 1 / 2, 90: 1 / 4}),
        (60, {0: 1}),
        (0, {0: 1}),
    ],
)
def test_exact_turns_are_shared_out_evenly_and_never_exceed_the_rotation(
    rotation, shares
):
    setting = Augmentation(flip=False, rotation=rotation, resampled=0)
    drawn = parameters(setting.draw(4000, np.random.default_rng(0)))
    np.testing.assert_allclose(drawn["zoom"], 1, rtol=1e-6)
    # A half turn to the left and one to the right are the same matrix.
    turns = np.abs(np.rint(drawn["angle"])).astype(int)
    for turn in (0, 90, 180):
        wanted = sum(share for angle, share in shares.items() if abs(angle) == turn)
        assert (turns == turn).mean() == pytest.approx(wanted, abs=0.03)


def test_the_part_that_is_resampled_is_the_one_asked_for():
    changes = Augmentation(resampled=0.3).draw(4000, np.random.default_rng(0))
    on_the_grid = np.isclose(np.abs(changes[:, :4]), 0, atol=1e-6).sum(axis=1) == 2
    assert 1 - on_the_grid.mean() == pytest.approx(0.3, abs=0.03)


def test_all_parameters_are_drawn_apart_from_each_other():
    changes = Augmentation(resampled=1).draw(4000, np.random.default_rng(0))
    drawn = parameters(changes)
    correlation = np.corrcoef(np.stack(list(drawn.values())))
    assert np.abs(correlation - np.eye(5)).max() < 0.06


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({"rotation": -1.0}, r"`rotation` must be at least 0. Received: -1.0"),
        ({"rotation": 181}, r"`rotation` must be 0 to 180. Received: 181"),
        ({"resampled": 1.1}, r"`resampled` must be 0 to 1. Received: 1.1"),
        ({"scale": 1.5}, r"`scale` must be 0 to 1. Received: 1.5"),
        ({"brightness": 2.0}, r"`brightness` must be 0 to 1. Received: 2.0"),
        ({"gamma": -1.0}, r"`gamma` must be at least 0. Received: -1.0"),
        ({"random_clahe": 2.0}, r"`random_clahe` must be 0 to 1. Received: 2.0"),
        ({"contrast": float("nan")}, r"`contrast` must be 0 to 1. Received: nan"),
    ],
)
def test_a_setting_out_of_range_is_named(setting, expected):
    with pytest.raises(UserError, match=expected):
        Augmentation(**setting)
