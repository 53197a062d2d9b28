"""The graft, on a network small enough to be worked by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from keras_wa.models.graft import graft

X = np.array([[1.0, -2.0]], "float32")


def factor(value: float, name: str | None = None) -> keras.layers.Layer:
    return keras.layers.Rescaling(value, name=name)


@pytest.fixture
def base() -> keras.Model:
    """`first + second(first)` with `first = 3 x` and `second = 5 first`: 18 x."""
    x = keras.Input((2,), name="x")
    first = factor(3.0, "first")(x)
    second = factor(5.0, "second")(first)
    return keras.Model(x, keras.layers.Add(name="sum")([first, second]), name="base")


def output(model: keras.Model) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(model(X)))


def test_without_grafts_it_is_a_copy(base: keras.Model) -> None:
    copy = graft(base, after={})
    assert [layer.name for layer in copy.layers] == [la.name for la in base.layers]
    np.testing.assert_array_equal(output(copy), 18 * X)


def test_every_consumer_of_a_layer_sees_the_graft_behind_it(base: keras.Model) -> None:
    model = graft(base, after={"first": lambda: factor(2.0, "new")})
    np.testing.assert_array_equal(output(model), 36 * X)


def test_a_graft_on_one_branch_leaves_the_other(base: keras.Model) -> None:
    model = graft(base, after={"second": lambda: factor(2.0, "new")})
    np.testing.assert_array_equal(output(model), (3 + 30) * X)


def test_a_graft_behind_the_last_layer_becomes_the_output(base: keras.Model) -> None:
    model = graft(base, after={"sum": lambda: factor(0.5, "new")})
    np.testing.assert_array_equal(output(model), 9 * X)


def test_the_result_is_flat_and_keeps_the_names(base: keras.Model) -> None:
    model = graft(base, after={"first": lambda: factor(2.0, "new")})
    names = [layer.name for layer in model.layers]
    assert names == ["x", "first", "new", "second", "sum"]
    assert model.name == "base"
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)


def test_settings_change_where_asked_and_nowhere_else(base: keras.Model) -> None:
    model = graft(base, after={}, changes={"second": {"scale": 7.0}})
    np.testing.assert_array_equal(output(model), (3 + 21) * X)
    assert model.get_layer("first").get_config() == base.get_layer("first").get_config()


def test_each_layer_keeps_its_dtype() -> None:
    x = keras.Input((2,))
    half = keras.layers.Dense(2, dtype="mixed_bfloat16", name="half")(x)
    base = keras.Model(x, keras.layers.Dense(2, dtype="float32", name="whole")(half))
    model = graft(base, after={})
    assert model.get_layer("half").compute_dtype == "bfloat16"
    assert model.get_layer("whole").compute_dtype == "float32"


def test_the_copy_has_weights_of_its_own() -> None:
    x = keras.Input((2,))
    base = keras.Model(x, keras.layers.Dense(2, name="dense")(x))
    before = base.get_weights()
    model = graft(base, after={"dense": lambda: factor(2.0)})
    model.set_weights([np.full_like(w, 9.0) for w in model.get_weights()])
    for found, wanted in zip(base.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert len(base.layers) == 2


def test_what_stands_before_a_layer_is_seen_by_that_layer_alone(
    base: keras.Model,
) -> None:
    model = graft(base, after={}, before={"second": factor(2.0, "new")})
    np.testing.assert_array_equal(output(model), (3 + 30) * X)


def test_a_graft_may_be_several_layers(base: keras.Model) -> None:
    one, two = factor(2.0, "one"), factor(7.0, "two")
    model = graft(base, after={"sum": lambda: lambda x: two(one(x))})
    np.testing.assert_array_equal(output(model), 14 * 18 * X)
    assert [layer.name for layer in model.layers][-2:] == ["one", "two"]


@pytest.mark.parametrize("where", ["after", "changes", "before"])
def test_an_unknown_layer_is_an_error(base: keras.Model, where: str) -> None:
    arguments = {"after": {}, where: {"third": {}}}
    with pytest.raises(ValueError, match=r"'base': \['third'\]"):
        graft(base, **arguments)
