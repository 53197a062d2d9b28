"""The head gives float32 probabilities under every policy."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from keras_wa.errors import UserError
from keras_wa.models.head import classifier


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_the_probabilities_are_float32_and_sum_to_1(classes: int, dtype: str) -> None:
    features = keras.Input((8,))
    model = classifier(
        features, keras.layers.Dense(4, dtype=dtype)(features), classes, "x"
    )
    found = keras.ops.convert_to_numpy(
        model(np.random.default_rng(0).random((5, 8), "float32"))
    )
    assert (found.shape, found.dtype, model.name) == ((5, classes), np.float32, "x")
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


def test_another_number_of_classes_is_refused() -> None:
    features = keras.Input((8,))
    with pytest.raises(UserError, match=r"`classes` must be one of 2, 3.*Received: 4"):
        classifier(features, features, 4, "x")
