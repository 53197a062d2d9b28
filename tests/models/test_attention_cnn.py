"""The four kinds of attention differ in what reads the last map alone."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest

from keras_wa.errors import UserError
from keras_wa.models import create_model

KINDS = ("soft", "hard", "self", "none")


def built(attention: str, image_size: int = 64) -> keras.Model:
    keras.utils.set_random_seed(0)
    return create_model("attention_cnn", image_size=image_size, attention=attention)


def test_the_parameters_counted_by_hand() -> None:
    filters = (1, 32, 64, 128, 256)
    trunk = sum(9 * a * b + 4 * b for a, b in itertools.pairwise(filters))
    rest = 2 + (256 * 128 + 128) + (128 * 2 + 2)
    attention = {
        "none": 0,
        "soft": (256 * 64 + 64) + 64,
        "hard": (256 * 64 + 64) + 64,
        "self": 4 * (256 * 256 + 256) + 2 * 256,
    }
    for kind in KINDS:
        assert built(kind).count_params() == trunk + rest + attention[kind], kind


@pytest.mark.parametrize("kind", ["soft", "hard"])
def test_the_attention_sees_16_places_at_64_px_and_196_at_224(kind: str) -> None:
    for image_size, places in ((64, 16), (224, 196)):
        layer = built(kind, image_size).get_layer("attention")
        assert layer.places == places
        assert layer.kept == (places // 4 if kind == "hard" else places)


@pytest.mark.parametrize("kind", KINDS)
def test_it_learns_where_a_bright_dot_is_missing(kind: str) -> None:
    """Sixteen images, half with a dot: what any of them must be able to tell apart."""
    rng = np.random.default_rng(0)
    x = 0.1 * rng.random((16, 32, 32, 1), "float32")
    labels = np.arange(16) % 2
    for image, label in zip(x, labels, strict=True):
        row, column = rng.integers(4, 26, 2)
        image[row : row + 3, column : column + 3] += label
    keras.utils.set_random_seed(0)
    model = create_model(
        "attention_cnn", image_size=32, attention=kind, dropout=0.0, bn_momentum=0.5
    )
    model.compile(keras.optimizers.SGD(0.03, 0.9), "sparse_categorical_crossentropy")
    losses = model.fit(x, labels, batch_size=16, epochs=25, verbose=0).history["loss"]
    assert losses[-1] < 0.1 < losses[0]


def test_hard_attention_gives_the_same_twice() -> None:
    model = built("hard")
    x = np.random.default_rng(0).random((3, 64, 64, 1), "float32")
    first, second = (keras.ops.convert_to_numpy(model(x)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("option", "value"), [("attention", "channel"), ("dropout", 1.0), ("classes", 4)]
)
def test_a_value_out_of_range_names_the_option(option: str, value: object) -> None:
    with pytest.raises(UserError, match=rf"`{option}` must.*Received: {value!r}$"):
        create_model("attention_cnn", **{option: value})
