from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest

from keras_wa.data.backgrounds import find_backgrounds
from keras_wa.detection import breast_mask, find_candidates
from keras_wa.errors import UserError
from keras_wa.phantom import PhantomSpec
from keras_wa.phantom.film import Abnormality, plan_film
from tests.data.io.dicom_files import write_dicom

SPEC = PhantomSpec(seed=3, size=64, field_mm=8.0, conspicuity=2.0)
PIXEL_MM, SIDE = 0.1, 80
LESION = Abnormality("a", False, "PUNCTATE", "CLUSTERED", 5)


def film_of(*findings, name="film"):
    return plan_film(
        SPEC, (450, 300), PIXEL_MM, name, name, "LEFT", "CC", 2, findings
    ).draw()


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Three films: without a lesion as PNG and DICOM, and with one."""
    folder = tmp_path_factory.mktemp("films")
    (folder / "below").mkdir()
    cv2.imwrite(str(folder / "bare.png"), film_of())
    cv2.imwrite(str(folder / "lesion.png"), film_of(LESION, name="other"))
    write_dicom(
        folder / "below" / "stated.dcm",
        film_of(name="third"),
        PixelSpacing=[0.08, 0.08],
    )
    return folder


@pytest.fixture(scope="module")
def found(films):
    return find_backgrounds(films, SPEC, PIXEL_MM)


def places(tissue):
    return [(int(y), int(x)) for y, x in (*tissue.disjoint, *tissue.others)]


def grey_of(path):
    return (cv2.imread(str(path), cv2.IMREAD_UNCHANGED) / 257).astype(np.uint8)


def test_squares_lie_in_the_breast_away_from_skin_and_edges(films, found):
    tissue = {each.name: each for each in found.tissues}["bare.png"]
    breast = breast_mask(grey_of(films / "bare.png"))
    rim = round(1.9 / PIXEL_MM)

    assert tissue.side == SIDE
    assert len(tissue.disjoint) >= 3
    for top, left in places(tissue):
        assert min(top, left) > rim
        around = (
            breast[top - rim : top + SIDE + rim, left : left + SIDE],
            breast[top : top + SIDE, left - rim : left + SIDE + rim],
        )
        assert all(each.all() for each in around)
        assert around[0].shape[0] == around[1].shape[1] == SIDE + 2 * rim


def test_squares_apart_do_not_overlap_and_no_further_one_is_free(found):
    for tissue in found.tissues:
        apart = np.asarray(tissue.disjoint)
        away = np.abs(apart[:, None] - apart[None]).max(axis=-1)
        assert (away[~np.eye(len(apart), dtype=bool)] >= tissue.side).all()
        for place in tissue.others:
            assert (np.abs(apart - place).max(axis=1) < tissue.side).any()
    assert found.n_disjoint == sum(len(each.disjoint) for each in found.tissues)


def test_squares_that_meet_a_candidate_are_left_out_and_it_is_listed(films, found):
    grey = grey_of(films / "lesion.png")
    candidates = find_candidates(grey, PIXEL_MM, most_clusters=None)
    assert candidates
    tissue = {each.name: each for each in found.tissues}["lesion.png"]
    for each in candidates:
        left, top, right, bottom = each.box
        for y, x in places(tissue):
            assert not (y < bottom and top < y + SIDE and x < right and left < x + SIDE)
    (note,) = [note for note in found.notes if "lesion.png" in note]
    x, y = (at * PIXEL_MM for at in candidates[0].centre)
    assert f"{len(candidates)} candidate(s)" in note
    assert f"{x:.1f}, {y:.1f}" in note


def test_the_spacing_of_the_file_goes_before_the_assumed_one(found):
    tissue = {each.name: each for each in found.tissues}["below/stated.dcm"]

    assert (tissue.pixel_mm, tissue.side) == (0.08, 100)


def test_the_seed_decides_the_squares(films, found):
    again, other = (
        find_backgrounds(films, PhantomSpec(seed, size=64, field_mm=8.0), PIXEL_MM)
        for seed in (3, 4)
    )

    assert [places(t) for t in again.tissues] == [places(t) for t in found.tissues]
    assert [places(t) for t in other.tissues] != [places(t) for t in found.tissues]


def tissue_of(side, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(100, 4, (side, side)).round().astype(np.uint8)


def test_an_image_of_about_one_field_is_taken_whole(tmp_path):
    for side in (80, 88):
        cv2.imwrite(str(tmp_path / f"{side}.png"), tissue_of(side))

    found = find_backgrounds(tmp_path, SPEC, PIXEL_MM)

    assert [places(each) for each in found.tissues] == [[(0, 0)], [(4, 4)]]


@pytest.mark.parametrize("corner", [(30, 30), (3, 3), (60, 30)])
def test_a_patch_with_a_candidate_is_left_out(tmp_path, corner):
    patch = tissue_of(80)
    for at in np.array([(0, 0), (0, 15), (15, 0), (15, 15)]) + corner:
        patch[at[0] : at[0] + 3, at[1] : at[1] + 3] = 200
    cv2.imwrite(str(tmp_path / "lesion.png"), patch)
    cv2.imwrite(str(tmp_path / "normal.png"), tissue_of(80, seed=1))

    found = find_backgrounds(tmp_path, SPEC, PIXEL_MM)

    assert [each.name for each in found.tissues] == ["normal.png"]
    words = found.notes[0].split()
    assert "1 candidate(s)" in found.notes[0]
    x, y = float(words[-2].rstrip(",")), float(words[-1].rstrip("."))
    assert (y, x) == pytest.approx((np.array(corner) + 8.5) * PIXEL_MM, abs=0.2)
    assert "no square of the field is free" in found.notes[1]


def test_most_real_patches_with_microcalcifications_are_left_out(shared_data, tmp_path):
    spec = PhantomSpec(seed=0, size=60, field_mm=5.1)
    share = []
    for kind in ("0", "1"):
        (tmp_path / kind).mkdir()
        for path in sorted((shared_data / "microcalc-patches" / kind).iterdir())[::6]:
            shutil.copy(path, tmp_path / kind)
        found = find_backgrounds(tmp_path / kind, spec, 0.085)
        files = len(list((tmp_path / kind).iterdir()))
        share.append(len(found.tissues) / files)

    without, with_ = share
    assert without > 0.9
    assert with_ < 0.5


def test_images_that_cannot_serve_are_left_out_and_listed(tmp_path):
    cv2.imwrite(str(tmp_path / "a-good.png"), tissue_of(80))
    shutil.copy(tmp_path / "a-good.png", tmp_path / "b-copy.png")
    cv2.imwrite(str(tmp_path / "c-small.png"), tissue_of(79))
    write_dicom(tmp_path / "d-coarse.dcm", tissue_of(80), PixelSpacing=[0.2, 0.2])
    write_dicom(tmp_path / "e-oblong.dcm", tissue_of(80), PixelSpacing=[0.1, 0.09])
    (tmp_path / "f-broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    cv2.imwrite(str(tmp_path / "g-narrow.png"), tissue_of(80).astype(np.uint16))
    (tmp_path / "readme.txt").write_text("no image")

    found = find_backgrounds(tmp_path, SPEC, PIXEL_MM)

    assert found.tissues[0].name == "a-good.png"
    for name, expected in (
        ("b-copy.png", "a copy of a-good.png"),
        ("c-small.png", "smaller than the field: 79 by 79 pixels; expected 80 by 80"),
        ("d-coarse.dcm", "too coarse: 0.2 mm per pixel; expected at most"),
        ("e-oblong.dcm", "pixels of 0.1 by 0.09 mm; expected square ones"),
        ("f-broken.png", "truncated"),
        ("g-narrow.png", "range"),
    ):
        assert any(name in note and expected in note for note in found.notes), name
    assert not any("readme" in note for note in found.notes)


def test_a_file_without_spacing_is_named(tmp_path):
    cv2.imwrite(str(tmp_path / "bare.png"), tissue_of(80))

    with pytest.raises(UserError, match=r"bare\.png: pixel spacing.*`pixel_spacing`"):
        find_backgrounds(tmp_path, SPEC)


def test_a_folder_without_a_free_square_is_an_error(tmp_path):
    with pytest.raises(UserError, match="Received: 0 images"):
        find_backgrounds(tmp_path, SPEC, PIXEL_MM)
    cv2.imwrite(str(tmp_path / "small.png"), tissue_of(40))
    with pytest.raises(UserError, match=r"1 images; the first: .*smaller"):
        find_backgrounds(tmp_path, SPEC, PIXEL_MM)
    with pytest.raises(UserError, match="cannot be listed"):
        find_backgrounds(tmp_path / "absent", SPEC, PIXEL_MM)
