"""Default settings that depend on whether training starts from pretrained weights."""

from __future__ import annotations

import dataclasses
import functools
import logging
from typing import Any

from keras_wa.errors import UserError, WeightsUnavailableError
from keras_wa.models.pretrained import fetched, on_hub
from keras_wa.models.registry import model_imagenet
from keras_wa.training.config import TrainConfig
from keras_wa.training.fingerprint import options_of

_log = logging.getLogger(__name__)

FINE_TUNING: dict[str, Any] = {
    "learning_rate": 1e-4,
    "schedule": "constant",
    "warmup_steps": 0,
}
"""The paper's settings."""

FROM_SCRATCH: dict[str, Any] = {
    "learning_rate": 1e-3,
    "schedule": "cosine",
    "warmup_steps": 100,
}
"""A constant rate of 1e-4 hardly learns from random weights (docs/quick-run.md)."""

# The values of model options that ImageNet weights need.
_AS_TRAINED: dict[str, tuple[Any, ...]] = {
    "stem_kernel": (None, 7),
    "stride_on": ("1x1",),
}


def settled(config: TrainConfig) -> TrainConfig:
    """Resolves the settings of a config that are `"auto"` or `None`.

    `weights="auto"` becomes `"imagenet"`, and the file is downloaded unless it is in
    Keras' cache. It becomes `"none"` if the model does not support ImageNet weights, or
    if they are unavailable, which logs a warning.

    Args:
        config: settings of a new run.

    Returns:
        The config with `weights, learning_rate, schedule, warmup_steps` resolved and
        with all options of its model; values that were given are kept.

    Raises:
        UserError: the weights in the cache are damaged or those on the Hugging Face Hub
            unavailable, or a setting needs weights that are unavailable.
    """
    weights = config.weights
    if weights == "auto":
        weights = "imagenet" if _supports_imagenet(config) else "none"
        if weights == "none" and config.trunk_rate != 1:
            raise UserError(
                "`trunk_rate` slows layers that are pretrained. Received: "
                f"trunk_rate={config.trunk_rate:g}, and no weights are available; give "
                "a file as `weights`, or leave it out."
            )
    if on_hub(weights):
        fetched(weights)  # An error now, and not after the data are prepared.
    defaults = FROM_SCRATCH if weights == "none" else FINE_TUNING
    unresolved = {
        field: value
        for field, value in defaults.items()
        if getattr(config, field) in (None, "auto")
    }
    return dataclasses.replace(
        config, weights=weights, model_options=options_of(config), **unresolved
    )


def _supports_imagenet(config: TrainConfig) -> bool:
    network, options = model_imagenet(config.model), options_of(config)
    return (
        network is not None
        and all(options.get(k, v[0]) in v for k, v in _AS_TRAINED.items())
        and _is_available(network)
    )


@functools.cache
def _is_available(network: str) -> bool:
    from keras_wa.models.donors import imagenet

    try:
        imagenet(network)
    except WeightsUnavailableError as error:
        _log.warning("%s Training starts from random weights.", error)
        return False
    return True
