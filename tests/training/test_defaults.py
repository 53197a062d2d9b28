"""What is decided by whether a training starts from pretrained weights."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from keras_wa.errors import UserError
from keras_wa.training import defaults
from keras_wa.training.config import TrainConfig
from keras_wa.training.defaults import FINE_TUNING, FROM_SCRATCH, settled
from keras_wa.training.fingerprint import options_of
from keras_wa.training.run import Run


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No network, and nothing in Keras' cache."""
    for proxy in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(proxy, "http://127.0.0.1:9")
    monkeypatch.setattr(
        "keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path)
    )
    defaults._is_available.cache_clear()
    yield
    defaults._is_available.cache_clear()


def with_all_options(config: TrainConfig) -> TrainConfig:
    return dataclasses.replace(config, model_options=options_of(config))


def test_offline_the_training_starts_from_scratch_and_says_so(
    offline: None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "keras_wa"):
        found = settled(TrainConfig())
    assert found == with_all_options(TrainConfig(weights="none", **FROM_SCRATCH))
    (note,) = caplog.messages
    assert note.startswith("The ImageNet weights could not be downloaded (")
    assert note.endswith("Training starts from random weights.")
    settled(TrainConfig())
    assert len(caplog.messages) == 1


def test_a_run_is_begun_with_everything_decided(offline: None, tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", TrainConfig(dataset="phantom"))
    assert run.config == settled(run.config)
    assert run.config.weights == "none"


def test_pretrained_weights_are_fine_tuned_as_in_the_paper() -> None:
    config = TrainConfig(weights="imagenet")
    expected = dataclasses.replace(config, **FINE_TUNING)
    assert settled(config) == with_all_options(expected)
    assert FINE_TUNING["learning_rate"] == 1e-4


@pytest.mark.parametrize(
    ("field", "value"),
    [("learning_rate", 3e-4), ("schedule", "constant"), ("warmup_steps", 0)],
)
def test_what_is_given_is_kept(field: str, value: object) -> None:
    given = {field: value}
    found = settled(TrainConfig(weights="none", **given))
    expected = TrainConfig(weights="none", **{**FROM_SCRATCH, **given})
    assert found == with_all_options(expected)


@pytest.mark.parametrize(
    "options", [{"graft": "none", "stem_kernel": 3}, {"stride_on": "3x3"}]
)
def test_options_that_imagenet_does_not_fit_start_from_scratch(
    options: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "keras_wa"):
        assert settled(TrainConfig(model_options=options)).weights == "none"
    assert not caplog.messages


def test_a_trunk_rate_without_weights_names_both(offline: None) -> None:
    with pytest.raises(UserError, match=r"`trunk_rate`.*no weights are available"):
        settled(TrainConfig(trunk_rate=0.1))


def test_a_model_without_pretrained_weights_needs_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "keras_wa"):
        assert settled(TrainConfig(model="alexnet")).weights == "none"
    assert not caplog.messages
