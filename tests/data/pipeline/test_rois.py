"""ROIs as the batches take them: enhanced, and fresh from the phantom if wanted."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from keras_wa.data.io.clahe import clahe
from keras_wa.data.pipeline.rois import Enhancement, FreshPhantom
from keras_wa.phantom import PhantomSpec, phantom_cases, render_roi, render_rois

SPEC = PhantomSpec(seed=5, size=32, field_mm=7.3)
N = 7
ALL = np.arange(N)


def fresh(enhancement: Enhancement | None = None) -> FreshPhantom:
    return FreshPhantom(SPEC, N, enhancement or Enhancement("none"))


def test_enhancement_is_clahe_with_its_own_settings():
    image = np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)
    np.testing.assert_array_equal(Enhancement()(image), clahe(image, 2.0, (8, 8)))
    found = Enhancement("clahe", clip_limit=4.0, tiles=3)(image)
    np.testing.assert_array_equal(found, clahe(image, 4.0, (3, 3)))
    assert (found != Enhancement()(image)).any()
    np.testing.assert_array_equal(Enhancement("none")(image), image)


def test_fresh_rois_are_the_phantom_s_with_their_labels():
    rois = fresh()(0)
    cases = phantom_cases(SPEC, n=N, epoch=1)
    assert len(rois) == N
    assert rois.labels.dtype == np.int64
    np.testing.assert_array_equal(rois.labels, cases["label"].to_numpy(int))
    drawn = rois.read(np.array([4, 0]))
    assert drawn.shape == (2, 32, 32)
    assert drawn.dtype == np.uint8
    np.testing.assert_array_equal(drawn[0], render_roi(SPEC, cases.iloc[4]))
    np.testing.assert_array_equal(drawn[1], render_roi(SPEC, cases.iloc[0]))


def test_fresh_rois_of_three_classes_have_those_of_their_pathology():
    rois = FreshPhantom(SPEC, 60, Enhancement("none"), classes=3)(0)
    names = ["BENIGN_WITHOUT_CALLBACK", "BENIGN", "MALIGNANT"]
    cases = phantom_cases(SPEC, n=60, epoch=1)
    assert [names[label] for label in rois.labels] == list(cases["pathology"])
    assert set(rois.labels) == {0, 1, 2}


def test_fresh_rois_are_enhanced_as_stored_ones_are():
    plain = fresh()(2).read(ALL)
    rois = fresh(Enhancement(clip_limit=3.0, tiles=4))(2)
    np.testing.assert_array_equal(rois.read_raw(ALL), plain)
    for image, found in zip(plain, rois.read(ALL), strict=True):
        np.testing.assert_array_equal(found, clahe(image, 3.0, (4, 4)))


def test_each_epoch_and_seed_has_rois_that_are_not_in_the_fixed_set():
    source = fresh()
    other = FreshPhantom(dataclasses.replace(SPEC, seed=6), N, Enhancement("none"))
    sets = [source(epoch).read(ALL) for epoch in range(3)]
    sets += [other(0).read(ALL), render_rois(SPEC, phantom_cases(SPEC, n=40))]
    for one, another in itertools.combinations(sets, 2):
        assert not {i.tobytes() for i in one} & {i.tobytes() for i in another}
    # What came before does not matter.
    np.testing.assert_array_equal(fresh()(2).labels, source(2).labels)
    np.testing.assert_array_equal(fresh()(2).read(ALL), sets[2])


def test_the_case_table_of_an_epoch_is_drawn_once():
    source = fresh()
    assert source(1) is source(1)
