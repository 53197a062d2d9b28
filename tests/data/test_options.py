"""What may be asked of a reader, and what the answer to anything else is."""

from __future__ import annotations

import pytest

from keras_wa.data import ReadOptions
from keras_wa.errors import UserError


def test_the_default_does_not_tell_the_size_of_the_lesion():
    options = ReadOptions()
    assert (options.crop, options.field_mm) == ("fixed", 25.6)
    assert options.lesion == "calcification"
    assert not options.drop_without_callback


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("lesion", "calc", "`lesion`.*'calc'.*calcification"),
        ("crop", "tight", "`crop`.*'tight'.*fixed, official, roi"),
    ],
)
def test_anything_else_is_named(field, value, message):
    with pytest.raises(UserError, match=message):
        ReadOptions(**{field: value})
