"""The optimizer is the one that is asked for, and the fused Adam is Adam."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_wa.layers import SqueezeExcite, Tokens
from keras_wa.training.callbacks import Checkpoint
from keras_wa.training.config import TrainConfig
from keras_wa.training.optimizer import FusedAdam, make_optimizer
from keras_wa.training.run import Run
from tests.tiny_model import weights_of

STEPS = 20
SHAPES = [(3, 4), (4,), (2, 2, 1, 3), ()]


def _gradients(step: int) -> list[np.ndarray]:
    rng = np.random.default_rng(step)
    # Over many orders of magnitude, as between a stem and a head.
    return [
        (10.0 ** rng.uniform(-6, 2) * rng.normal(size=shape)).astype("float32")
        for shape in SHAPES
    ]


def _variables() -> list[keras.Variable]:
    rng = np.random.default_rng(0)
    return [keras.Variable(rng.normal(size=s).astype("float32")) for s in SHAPES]


def _after_steps(optimizer: keras.optimizers.Optimizer) -> list[np.ndarray]:
    """The variables after `STEPS` steps from the same start."""
    variables = _variables()
    for step in range(STEPS):
        gradients = [tf.constant(each) for each in _gradients(step)]
        optimizer.apply(gradients, variables)
    return [np.asarray(variable) for variable in variables]


def _assert_same(
    actual: list[np.ndarray], expected: list[np.ndarray], rate: float = 0.001
) -> None:
    # Keras takes 1 - beta_2 from Python's 0.999, the kernel from float32's, which is
    # 1.3e-5 off; so each update, at most about `rate`, may differ by half as much.
    assert len(actual) == len(expected) > 0
    for ours, theirs in zip(actual, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-5 * rate * STEPS)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"learning_rate": 0.5, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
        {"clipnorm": 0.1},
        {"global_clipnorm": 0.1},
        {"clipvalue": 0.01},
        {"weight_decay": 0.01},
        {"use_ema": True, "ema_overwrite_frequency": 7},
        {"gradient_accumulation_steps": 3},
        {"amsgrad": True},
    ],
    ids=str,
)
def test_every_argument_gives_what_keras_gives(options: dict[str, Any]) -> None:
    actual = _after_steps(FusedAdam(**options))
    expected = _after_steps(keras.optimizers.Adam(**options))
    _assert_same(actual, expected, options.get("learning_rate", 0.001))


def test_it_is_adam_as_published() -> None:
    # Kingma & Ba 2015, algorithm 1 with the order of computation of section 2, in
    # float64 with the betas that float32 can hold.
    beta_1, beta_2 = float(np.float32(0.9)), float(np.float32(0.999))
    variables = [np.asarray(each, "float64") for each in _variables()]
    first, second = ([np.zeros(shape) for shape in SHAPES] for _ in range(2))
    for step in range(STEPS):
        for i, gradient in enumerate(_gradients(step)):
            g = gradient.astype("float64")
            first[i] = beta_1 * first[i] + (1 - beta_1) * g
            second[i] = beta_2 * second[i] + (1 - beta_2) * g**2
            debias = np.sqrt(1 - beta_2 ** (step + 1)) / (1 - beta_1 ** (step + 1))
            change = 0.001 * debias * first[i] / (np.sqrt(second[i]) + 1e-7)
            variables[i] = variables[i] - change
    for actual, expected in zip(_after_steps(FusedAdam()), variables, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-6)


def test_a_schedule_gives_what_keras_gives() -> None:
    def schedule() -> keras.optimizers.schedules.LearningRateSchedule:
        return keras.optimizers.schedules.CosineDecay(
            0.0, 15, alpha=0.01, warmup_target=0.1, warmup_steps=5
        )

    actual = _after_steps(FusedAdam(schedule()))
    _assert_same(actual, _after_steps(keras.optimizers.Adam(schedule())), 0.1)


def test_sparse_gradients_give_what_keras_gives() -> None:
    def embed(optimizer: keras.optimizers.Optimizer) -> list[np.ndarray]:
        table = keras.Variable(np.ones((5, 2), "float32"))
        for step in range(STEPS):
            rows = tf.IndexedSlices(tf.ones((2, 2)), [step % 5, 0], (5, 2))
            optimizer.apply([rows], [table])
        return [np.asarray(table)]

    _assert_same(embed(FusedAdam(0.1)), embed(keras.optimizers.Adam(0.1)), 0.1)


def _model(optimizer: keras.optimizers.Optimizer) -> keras.Model:
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(3, activation="relu"),
            keras.layers.Dense(2, activation="softmax", dtype="float32"),
        ]
    )
    model.compile(optimizer, "categorical_crossentropy", jit_compile=False)
    return model


def _fit(model: keras.Model, first: int, last: int) -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(STEPS * 8, 4)).astype("float32")
    y = np.eye(2, dtype="float32")[(x.sum(axis=1) > 0).astype(int)]
    part = slice(first * 8, last * 8)
    model.fit(x[part], y[part], batch_size=8, shuffle=False, verbose=0)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_training_a_model_gives_what_keras_gives(precision: str) -> None:
    # In mixed_float16 Keras wraps the optimizer in a LossScaleOptimizer.
    keras.config.set_dtype_policy(precision)
    trained = []
    for optimizer in (FusedAdam(0.01), keras.optimizers.Adam(0.01)):
        model = _model(optimizer)
        wrapped = model.optimizer is not optimizer
        assert wrapped == (precision == "mixed_float16")
        _fit(model, 0, STEPS)
        trained.append(weights_of(model))
    # A half-precision network answers the last digit of a weight with a larger change.
    _assert_same(*trained, 0.01 if precision == "float32" else 0.1)


def test_one_fused_kernel_updates_each_variable() -> None:
    optimizer = FusedAdam()
    variables = [keras.Variable(np.ones(shape)) for shape in SHAPES]
    optimizer.build(variables)

    @tf.function
    def step() -> None:
        optimizer.apply([tf.ones(shape) for shape in SHAPES], variables)

    operations = step.get_concrete_function().graph.get_operations()
    fused = [op for op in operations if op.type == "ResourceApplyAdam"]
    assert len(fused) == len(SHAPES)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_saved_state_carries_on_to_the_last_bit(tmp_path: Path, precision: str) -> None:
    keras.config.set_dtype_policy(precision)
    whole, first, second = (_model(FusedAdam(0.01)) for _ in range(3))
    _fit(whole, 0, STEPS)
    _fit(first, 0, 9)
    first.save_weights(tmp_path / "half.weights.h5")
    second.optimizer.build(second.trainable_variables)
    second.load_weights(tmp_path / "half.weights.h5")
    _fit(second, 9, STEPS)
    for actual, expected in zip(weights_of(second), weights_of(whole), strict=True):
        np.testing.assert_array_equal(actual, expected)
    assert int(second.optimizer.iterations) == STEPS


def test_it_survives_serialisation() -> None:
    optimizer = FusedAdam(0.02, beta_1=0.8, clipnorm=1.0)
    copy = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert isinstance(copy, FusedAdam)
    assert copy.get_config() == optimizer.get_config()


def _after_recipe(config: TrainConfig) -> dict[str, np.ndarray]:
    """Weights by name after `STEPS` steps with the optimizer of a config."""
    model = _network()
    optimizer = make_optimizer(config, model, config.learning_rate, STEPS)
    return _walk(model, optimizer)


def _network() -> keras.Model:
    """A convolution and a dense layer, whose kernels decay, and what does not."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((4, 4, 1))
    x = keras.layers.Conv2D(4, 3, padding="same", name="conv")(inputs)
    x = keras.layers.BatchNormalization(name="bn")(x)
    x = Tokens(name="tokens")(SqueezeExcite(ratio=2, name="gate")(x))
    x = keras.layers.GlobalAveragePooling1D()(x)
    model = keras.Model(inputs, keras.layers.Dense(2, name="head")(x))
    for variable in model.trainable_variables:  # Zeros do not decay.
        variable.assign(np.full(variable.shape, 0.5) + np.asarray(variable))
    return model


def _walk(
    model: keras.Model, optimizer: keras.optimizers.Optimizer
) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    variables = model.trainable_variables
    for _ in range(STEPS):
        gradients = [tf.constant(rng.normal(size=v.shape), v.dtype) for v in variables]
        optimizer.apply(gradients, variables)
    return {variable.path: np.array(variable) for variable in variables}


RECIPE: dict[str, Any] = {"learning_rate": 0.01, "weight_decay": 0.2}


def test_adamw_is_keras_adamw_step_for_step() -> None:
    found = _after_recipe(TrainConfig(optimizer="adamw", **RECIPE))
    model = _network()
    theirs = keras.optimizers.AdamW(**RECIPE)
    kernels = {"conv/kernel", "head/kernel"}
    theirs.exclude_from_weight_decay(
        [each for each in model.trainable_variables if each.path not in kernels]
    )
    wanted = _walk(model, theirs)
    _assert_same(list(found.values()), list(wanted.values()), 0.01)
    plain = _after_recipe(TrainConfig(learning_rate=0.01))
    assert {path for path in found if (found[path] != plain[path]).any()} == kernels


def test_sgd_has_nesterov_momentum_and_decoupled_weight_decay() -> None:
    found = _after_recipe(TrainConfig(optimizer="sgd", **RECIPE))
    model, rng = _network(), np.random.default_rng(1)
    weights = {v.path: np.array(v, "float64") for v in model.trainable_variables}
    speed = {path: np.zeros(each.shape) for path, each in weights.items()}
    for _ in range(STEPS):
        for path in weights:
            gradient = rng.normal(size=speed[path].shape)
            if path in ("conv/kernel", "head/kernel"):
                weights[path] = weights[path] * (1 - 0.2 * 0.01)
            speed[path] = 0.9 * speed[path] - 0.01 * gradient
            weights[path] = weights[path] + 0.9 * speed[path] - 0.01 * gradient
    assert len(found) == 12
    for path, values in found.items():
        np.testing.assert_allclose(values, weights[path], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_a_slowed_trunk_steps_as_at_a_lower_learning_rate(name: str) -> None:
    settings = {"optimizer": name, "weight_decay": 0.2, "weights": "imagenet"}
    config = TrainConfig(learning_rate=0.01, trunk_rate=0.25, **settings)
    model = _network()
    model.pretrained_layers = ("conv", "bn")
    optimizer = make_optimizer(config, model, config.learning_rate, STEPS)
    found = _walk(model, optimizer)
    fast = _after_recipe(TrainConfig(learning_rate=0.01, **settings))
    slow = _after_recipe(TrainConfig(learning_rate=0.0025, **settings))
    assert len(found) == 12
    for path, values in found.items():
        wanted = slow if path.startswith(("conv/", "bn/")) else fast
        np.testing.assert_allclose(values, wanted[path], rtol=1e-6, atol=1e-6)
        assert (slow[path] != fast[path]).any()


def test_a_frozen_trunk_keeps_its_weights() -> None:
    config = TrainConfig(trunk_rate=0.0, optimizer="adamw", weights="imagenet")
    model = _network()
    model.pretrained_layers = ("conv", "bn")
    before = {each.path: np.array(each) for each in model.trainable_variables}
    found = _walk(model, make_optimizer(config, model, 0.01, STEPS))
    kept = {path for path in found if (found[path] == before[path]).all()}
    assert kept == {"conv/kernel", "conv/bias", "bn/gamma", "bn/beta"}


def test_a_resumed_run_slows_the_same_layers(tmp_path: Path) -> None:
    config = TrainConfig(trunk_rate=0.25, weights="imagenet", dataset="phantom")
    whole, first, second = _network(), _network(), _network()
    optimizers = []
    for model in (whole, first, second):
        if model is not second:  # A resumed run does not read the weights again.
            model.pretrained_layers = ("conv", "bn")
        optimizer = make_optimizer(config, model, 0.01, STEPS)
        model.compile(optimizer, "mse")
        optimizers.append(optimizer)
    for _ in range(2):
        wanted = _walk(whole, optimizers[0])
    _walk(first, optimizers[1])
    run = Run.create(tmp_path / "run", config)
    checkpoint = Checkpoint(run)
    checkpoint.set_model(first)
    checkpoint.on_epoch_end(0, {"val_auc": 0.5})
    assert Checkpoint(run).restore(second) == 1
    for path, values in _walk(second, optimizers[2]).items():
        np.testing.assert_array_equal(values, wanted[path])


def test_an_average_that_keeps_its_start_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = _network()
    make_optimizer(TrainConfig(ema=0.99), model, 0.01, 301)
    assert not caplog.messages
    make_optimizer(TrainConfig(ema=0.99), model, 0.01, 101)
    (message,) = caplog.messages
    # 0.99 ** 100 = 0.366; 0.97 ** 100 = 0.0476.
    assert "101 steps" in message
    assert "37 %" in message
    assert "at most 0.97." in message
