from __future__ import annotations

import dataclasses
import itertools

import cv2
import numpy as np
import pytest

from keras_wa.data.background_rois import (
    BACKGROUND_COLUMNS,
    background_cases,
    draw_squares,
    render_on_backgrounds,
)
from keras_wa.data.backgrounds import Backgrounds, LesionFreeTissue, find_backgrounds
from keras_wa.errors import UserError
from keras_wa.phantom import PhantomSpec, phantom_cases
from keras_wa.phantom.background import insert_lesion, noise_ratio

SPEC = PhantomSpec(seed=3, size=40, field_mm=4.0)


def tissue(name, apart, others=0):
    """Squares of 40 pixels in a row, and others between them."""
    return LesionFreeTissue(
        name,
        40,
        0.1,
        np.array([(0, 40 * k) for k in range(apart)]).reshape(-1, 2),
        np.array([(0, 40 * k + 5) for k in range(others)]).reshape(-1, 2),
    )


@pytest.fixture
def folder(tmp_path):
    """Images of one field of another noise each."""
    for number in range(12):
        rng = np.random.default_rng(number)
        image = rng.normal(80, 2 + number, (40, 40)).round().clip(0, 255)
        cv2.imwrite(str(tmp_path / f"{number:02d}.png"), image.astype(np.uint8))
    return tmp_path


def test_squares_are_taken_in_turn_from_each_image_and_apart_before_overlapping(
    tmp_path,
):
    found = Backgrounds(tmp_path, [tissue("a", 3, 2), tissue("b", 1, 1)], [])

    few, all_, more, most = (
        [(each.tissue.name, each.left) for each in draw_squares(found, n, seed=5)]
        for n in (2, 4, 7, 9)
    )

    assert sorted(few) == [("a", 0), ("b", 0)]
    assert sorted(all_) == [("a", 0), ("a", 40), ("a", 80), ("b", 0)]
    assert more[:4] == all_
    assert sorted(more[4:]) == [("a", 5), ("a", 45), ("b", 5)]
    assert most == [*more, *all_[:2]]
    assert few == all_[:2]


def test_no_patient_is_in_two_parts_and_the_lesions_are_the_phantoms(tmp_path):
    # Ten images in the root; two each in ten folders.
    names = [f"{k}.png" for k in range(10)]
    names += [f"{k}/{view}.dcm" for k in range(10) for view in ("cc", "mlo")]
    tissues = [tissue(name, 1 + k % 4, 20) for k, name in enumerate(names)]
    spec = PhantomSpec(seed=3, size=40, field_mm=4.0)

    cases, squares = background_cases(Backgrounds(tmp_path, tissues, []), spec, 200)

    parts = {}
    for row, square in zip(cases.to_dict("records"), squares, strict=True):
        owner = square.tissue.name.split("/")[0]
        parts.setdefault(owner, set()).add((row["patient_id"], row["split"]))
    assert len(parts) == 20
    assert all(len(each) == 1 for each in parts.values())
    assert len({next(iter(each))[0] for each in parts.values()}) == 20
    assert 0.1 < (cases["split"] == "test").mean() < 0.3
    drawn = phantom_cases(spec, 200)
    for column in ("roi_id", "morphology", "distribution", "subtlety", "label"):
        assert cases[column].tolist() == drawn[column].tolist()


def test_an_roi_is_its_square_with_the_lesion_at_the_contrast_of_its_noise(folder):
    found = find_backgrounds(folder, SPEC, 0.1)
    cases, squares = background_cases(found, SPEC, 24)

    images, table = render_on_backgrounds(folder, SPEC, cases, squares)

    assert list(table.columns) == list(BACKGROUND_COLUMNS)
    assert table["roi_id"].tolist() == cases["roi_id"].tolist()
    for image, row, case in zip(
        images, table.to_dict("records"), cases.to_dict("records"), strict=True
    ):
        grey = cv2.imread(str(folder / row["background"]), cv2.IMREAD_GRAYSCALE)
        ratio = noise_ratio(grey, 0.1)
        assert (row["top"], row["left"], row["pixel_mm"]) == (0, 0, 0.1)
        assert row["noise_ratio"] == pytest.approx(ratio, abs=1e-4)
        np.testing.assert_array_equal(image, insert_lesion(SPEC, case, grey, ratio))
    by_image = table.groupby("background")["noise_ratio"].first()
    assert all(low < high for low, high in itertools.pairwise(by_image))


def test_a_finer_image_is_averaged_after_its_noise_was_measured(tmp_path):
    for number in range(8):
        rng = np.random.default_rng(number)
        image = rng.normal(80, 6, (88, 85)).round().astype(np.uint8)
        cv2.imwrite(str(tmp_path / f"{number}.png"), image)
    found = find_backgrounds(tmp_path, SPEC, 0.05)
    cases, squares = background_cases(found, SPEC, 16)

    images, table = render_on_backgrounds(tmp_path, SPEC, cases, squares)

    for image, row, case in zip(
        images, table.to_dict("records"), cases.to_dict("records"), strict=True
    ):
        grey = cv2.imread(str(tmp_path / row["background"]), cv2.IMREAD_GRAYSCALE)
        assert (row["top"], row["left"]) == (4, 2)
        cut = grey[4:84, 2:82]
        mean = np.floor(cut.reshape(40, 2, 40, 2).mean(axis=(1, 3)) + 0.5)
        expected = insert_lesion(
            SPEC, case, mean.astype(np.uint8), noise_ratio(cut, 0.05)
        )
        assert np.abs(image.astype(int) - expected).max() <= 1


def test_too_few_images_for_a_split_are_one_sentence(folder):
    for path in sorted(folder.iterdir())[1:]:
        path.unlink()
    found = find_backgrounds(folder, SPEC, 0.1)

    for n in (1, 10):
        with pytest.raises(UserError, match=f"{n} ROIs of 1 patients .* Add images"):
            background_cases(found, SPEC, n)


def test_views_of_a_lesion_in_the_tissue_of_two_patients_are_refused(folder):
    spec = dataclasses.replace(SPEC, projected_views=True)
    with pytest.raises(UserError, match="Received: True; expected False"):
        background_cases(find_backgrounds(folder, spec, 0.1), spec, 16)


def test_real_patches_of_normal_tissue_take_lesions(shared_data):
    spec = PhantomSpec(seed=0, size=60, field_mm=5.1)
    folder = shared_data / "microcalc-patches" / "0"
    found = find_backgrounds(folder, spec, 0.085)
    files = len(list(folder.iterdir()))
    # Most are free of candidates, as their source states.
    assert 0.8 * files < found.n_disjoint <= files
    cases, squares = background_cases(found, spec, 60)

    images, table = render_on_backgrounds(folder, spec, cases, squares)

    for image, name in zip(images, table["background"], strict=True):
        added = image - cv2.imread(str(folder / name), cv2.IMREAD_GRAYSCALE).astype(int)
        assert added.min() >= 0
        assert 0 < (added > 0).mean() < 0.9
