"""The settings that identify a system: runs that share them differ in the seed only."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from typing import Any

from keras_wa.models import model_options
from keras_wa.models.pretrained import on_hub
from keras_wa.training.config import TrainConfig

_DATA_PATHS = ("data_dir", "store_dir", "case_lists")

PLACES = (*_DATA_PATHS, "mlflow")
"""Fields of a config with the locations of data and logs, which may change."""

COMPUTING = ("strategy", "deterministic")
"""Fields of a config that choose the devices and the order of the computation. They
change results by rounding only, as another machine does, so they are not part of the
system."""

_PATHS = (*_DATA_PATHS, "weights")
_NO_PATH = ("auto", "imagenet", "none")


def fingerprint(config: TrainConfig) -> dict[str, Any]:
    """Returns the settings that identify the system of a run.

    Runs with the same fingerprint are seeds of one system.

    Args:
        config: settings of the run.

    Returns:
        Field -> value of all fields but the seed, `PLACES` and `COMPUTING`.
        `model_options` holds every option of the model, including defaults.
    """
    values = with_absolute_paths(config).to_mapping()
    for field in ("seed", *PLACES, *COMPUTING):
        del values[field]
    return {**values, "model_options": options_of(config)}


def fingerprint_hash(config: TrainConfig) -> str:
    """Returns the first 12 hexadecimal digits of the fingerprint's SHA-256."""
    text = json.dumps(fingerprint(config), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def options_of(config: TrainConfig) -> dict[str, Any]:
    """Returns the options of a config's model, including defaults."""
    fields = TrainConfig.__dataclass_fields__
    known = model_options(config.model)
    defaults = {key: value for key, value in known.items() if key not in fields}
    return {**defaults, **config.model_options}


def absolute(field: str, value: Any) -> Any:
    """Returns the value of a field; a path is made absolute, with `~` expanded."""
    if field not in _PATHS or not isinstance(value, str):
        return value
    if value in _NO_PATH or on_hub(value):
        return value
    return os.path.abspath(os.path.expanduser(value))


def with_absolute_paths(config: TrainConfig) -> TrainConfig:
    """Returns the config with absolute paths."""
    changes = {field: absolute(field, getattr(config, field)) for field in _PATHS}
    return dataclasses.replace(config, **changes)
