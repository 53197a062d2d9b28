from __future__ import annotations

import pickle

import pytest

from keras_wa.errors import UserError
from keras_wa.phantom import PhantomSpec


def test_default_pixel_is_that_of_the_official_crops_at_224():
    assert PhantomSpec().pixel_mm == pytest.approx(0.1143, abs=1e-4)


def test_spec_survives_pickling():
    spec = PhantomSpec(seed=4, labelling="clinical", conspicuity=1.5)

    assert pickle.loads(pickle.dumps(spec)) == spec


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seed", -1),
        ("size", 31),
        ("field_mm", 2.9),
        ("field_mm", 101.0),
        ("conspicuity", 0.0),
        ("conspicuity", 10.5),
        ("blur_mm", -0.1),
        ("blur_mm", 1.5),
    ],
)
def test_value_out_of_range_names_the_field_and_the_value(field, value):
    with pytest.raises(UserError, match=f"`{field}` must be .* Received: {value}"):
        PhantomSpec(**{field: value})


def test_pixel_too_coarse_for_microcalcifications_is_refused():
    with pytest.raises(UserError, match=r"at most 9\.6 mm"):
        PhantomSpec(size=32, field_mm=10.0)


def test_unknown_labelling_suggests_the_nearest():
    with pytest.raises(UserError, match="did you mean 'clinical'"):
        PhantomSpec(labelling="clinicle")  # type: ignore[arg-type]
