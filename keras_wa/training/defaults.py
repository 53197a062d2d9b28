"""The settings that depend on whether a training starts from pretrained weights."""

from __future__ import annotations

import dataclasses
import functools
import logging
from typing import Any

from keras_wa.errors import WeightsUnavailableError
from keras_wa.models import model_imagenet
from keras_wa.training.config import TrainConfig

_log = logging.getLogger(__name__)

FINE_TUNING: dict[str, Any] = {
    "learning_rate": 1e-4,
    "schedule": "constant",
    "warmup_steps": 0,
}
"""The paper's."""

FROM_SCRATCH: dict[str, Any] = {
    "learning_rate": 1e-3,
    "schedule": "cosine",
    "warmup_steps": 100,
}
"""A constant 1e-4 learns next to nothing from random weights (docs/quick-run.md)."""


def settled(config: TrainConfig) -> TrainConfig:
    """A config in which everything is decided that was left open.

    `weights="auto"` becomes `"imagenet"`, whose file is downloaded unless it is in
    Keras' cache, or `"none"`. That it cannot be had is logged as a warning.

    Args:
        config: of a run that is about to begin.

    Returns:
        The config with `weights, learning_rate, schedule, warmup_steps` decided; those
        that were given are kept.
    """
    weights = config.weights
    if weights == "auto":
        weights = _auto_weights(config)
    usual = FROM_SCRATCH if weights == "none" else FINE_TUNING
    open_ = {
        field: value
        for field, value in usual.items()
        if getattr(config, field) in (None, "auto")
    }
    return dataclasses.replace(config, weights=weights, **open_)


def _auto_weights(config: TrainConfig) -> str:
    network = model_imagenet(config.model)
    if network is None:
        return "none"
    reason = _missing(network)
    if reason is None:
        return "imagenet"
    _log.warning(
        "%s The training starts from random weights, with the settings for that.",
        reason,
    )
    return "none"


@functools.cache
def _missing(network: str) -> str | None:
    """Why ImageNet weights cannot be had, `None` if they can."""
    from keras_wa.models.donors import imagenet

    try:
        imagenet(network)
    except WeightsUnavailableError as error:
        return str(error)
    return None
