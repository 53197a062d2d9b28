"""Tests of squeeze-and-excitation against its equations."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.special import expit

from keras_wa.layers import SqueezeExcite
from keras_wa.layers.squeeze_excite import OPEN_GATE_BIAS
from keras_wa.testing import run_layer_test

RESNET50_CHANNELS = 3 * [256] + 4 * [512] + 6 * [1024] + 3 * [2048]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(4)


def randomised(layer, channels, rng):
    """Builds the layer and gives it weights for which the gates differ widely."""
    shape = [None] * 4
    shape[-1 if layer.data_format == "channels_last" else 1] = channels
    layer.build(tuple(shape))
    layer.set_weights([rng.standard_normal(w.shape) for w in layer.weights])
    return layer


def equations(x, weights):
    """Equations 2 to 4 of Hu et al. 2018 in NumPy, with biases, channels last."""
    w1, b1, w2, b2 = weights
    z = x.mean(axis=(1, 2))
    s = expit(np.maximum(z @ w1 + b1, 0) @ w2 + b2)
    return s, s[:, None, None, :] * x


def test_gates_and_output_follow_the_equations(rng):
    layer = randomised(SqueezeExcite(ratio=4, dtype="float64"), 12, rng)
    x = rng.standard_normal((3, 5, 7, 12))
    gates, output = equations(x, layer.get_weights())
    assert np.ptp(gates) > 0.5
    np.testing.assert_allclose(layer.gates(x), gates, atol=1e-12)
    np.testing.assert_allclose(layer(x), output, atol=1e-12)


def test_channels_first_equals_channels_last(rng):
    last = randomised(SqueezeExcite(ratio=2, data_format="channels_last"), 6, rng)
    first = SqueezeExcite(ratio=2, data_format="channels_first")
    first.build((None, 6, None, None))
    first.set_weights(last.get_weights())
    x = rng.random((2, 5, 4, 6), dtype=np.float32)
    moved = np.moveaxis(keras.ops.convert_to_numpy(first(np.moveaxis(x, 3, 1))), 1, 3)
    np.testing.assert_allclose(moved, last(x), atol=1e-6)


def test_sixteen_gates_of_resnet50_add_2_53_million_parameters():
    counts = []
    for channels in RESNET50_CHANNELS:
        layer = SqueezeExcite(ratio=16)
        layer.build((None, 7, 7, channels))
        counts.append(layer.count_params())
    expected = sum(
        c * (c // 16) + c // 16 + (c // 16) * c + c for c in RESNET50_CHANNELS
    )
    assert len(counts) == 16
    assert sum(counts) == expected == 2_530_992


def test_a_new_layer_scales_every_channel_by_the_sigmoid_of_gate_bias(rng):
    x = 100 * rng.standard_normal((2, 4, 4, 32))
    for gate_bias in (4.0, 0.0):
        layer = SqueezeExcite(gate_bias=gate_bias)
        layer.build(x.shape)
        np.testing.assert_allclose(layer.gates(x), expit(gate_bias), rtol=1e-6)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_open_gates_change_no_bit(policy, rng):
    layer = SqueezeExcite(gate_bias=OPEN_GATE_BIAS, dtype=policy)
    x = keras.ops.cast(100 * rng.standard_normal((2, 6, 6, 32)), layer.compute_dtype)
    as_float = [keras.ops.cast(tensor, "float32") for tensor in (layer(x), x)]
    np.testing.assert_array_equal(*as_float)


def test_the_mean_of_a_large_map_does_not_overflow_in_float16(rng):
    half = randomised(SqueezeExcite(dtype="mixed_float16"), 16, rng)
    # The sum of a channel, 12544 * 8, is above float16's largest number, 65504.
    x = np.full((1, 112, 112, 16), 8, np.float16)
    gates, output = equations(x.astype("float64"), half.get_weights())
    np.testing.assert_allclose(half.gates(x), gates, atol=1e-5)
    np.testing.assert_allclose(half(x), output, atol=8 * 2e-3)


def test_gates_of_a_layer_inside_a_model_can_be_read(rng):
    inputs = keras.Input((8, 8, 1))
    features = keras.layers.Conv2D(16, 3)(inputs)
    outputs = SqueezeExcite(ratio=4, name="se")(features)
    model = keras.Model(inputs, outputs)
    layer = model.get_layer("se")
    layer.set_weights([rng.standard_normal(w.shape) for w in layer.weights])
    reader = keras.Model(model.input, [layer.input, layer.gates(layer.input)])
    x = rng.random((3, 8, 8, 1), dtype=np.float32)
    features, gates = reader.predict_on_batch(x)
    assert gates.shape == (3, 16)
    np.testing.assert_allclose(
        gates[:, None, None] * features, model.predict_on_batch(x), atol=1e-5
    )


def test_the_gradient_agrees_with_finite_differences(rng):
    tf = pytest.importorskip("tensorflow")
    layer = randomised(SqueezeExcite(ratio=2, dtype="float64"), 4, rng)
    x, direction, weights = rng.standard_normal((3, 2, 3, 3, 4))

    def objective(image):
        return tf.reduce_sum(layer(image) * weights)

    variable = tf.Variable(x)
    with tf.GradientTape() as tape:
        value = objective(variable)
    gradient = tape.gradient(value, variable).numpy()
    step = 1e-6
    difference = objective(x + step * direction) - objective(x - step * direction)
    np.testing.assert_allclose(
        (gradient * direction).sum(), difference / (2 * step), rtol=1e-6
    )


def test_fewer_channels_than_the_ratio_share_one_hidden_unit():
    layer = SqueezeExcite(ratio=16)
    layer.build((None, 4, 4, 5))
    assert layer.reduce.units == 1


def test_a_ratio_below_one_is_refused():
    with pytest.raises(ValueError, match="Received: 0"):
        SqueezeExcite(ratio=0)


def test_an_unknown_number_of_channels_is_refused():
    with pytest.raises(ValueError, match="channels must be known"):
        SqueezeExcite().build((None, 4, 4, None))


def test_an_unknown_data_format_is_refused():
    with pytest.raises(ValueError, match="data_format"):
        SqueezeExcite(data_format="channels_middle")


@pytest.mark.parametrize(
    ("data_format", "shape", "spatial"),
    [
        ("channels_last", (4, 6, 5, 32), (1, 2)),
        ("channels_first", (4, 32, 6, 5), (2, 3)),
    ],
)
def test_contract(data_format, shape, spatial):
    run_layer_test(
        SqueezeExcite,
        {"ratio": 8, "gate_bias": 1.0, "data_format": data_format},
        shape,
        output_shape=shape,
        dynamic_axes=spatial,
    )
