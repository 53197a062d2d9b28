"""What makes two runs runs of one system, and where a run's data lie."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from typing import Any

from keras_wa.models import model_options
from keras_wa.training.config import TrainConfig

PLACES = ("data_dir", "store_dir", "case_lists")
"""Fields of a config that say where things lie, which may change."""

COMPUTING = ("strategy", "deterministic")
"""Fields of a config that decide on which devices and in which order the same sums are
computed. Their results agree but for rounding, as those of two machines do, whose runs
are seeds of one system too."""

_PATHS = (*PLACES, "weights")
_NO_PATH = ("auto", "imagenet", "none")


def fingerprint(config: TrainConfig) -> dict[str, Any]:
    """The settings that decide what a run is: runs that agree in them are seeds of one.

    Args:
        config: of the run.

    Returns:
        Field -> value of all fields but the seed, `PLACES` and `COMPUTING`.
        `model_options` holds each option of the model, those that were not set with
        their default.
    """
    values = with_absolute_paths(config).to_mapping()
    for field in ("seed", *PLACES, *COMPUTING):
        del values[field]
    return {**values, "model_options": options_of(config)}


def fingerprint_hash(config: TrainConfig) -> str:
    """The first 12 hexadecimal digits of the SHA-256 of a config's fingerprint."""
    text = json.dumps(fingerprint(config), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def options_of(config: TrainConfig) -> dict[str, Any]:
    """Each option of a config's model that is no field of the config."""
    fields = TrainConfig.__dataclass_fields__
    known = model_options(config.model)
    defaults = {key: value for key, value in known.items() if key not in fields}
    return {**defaults, **config.model_options}


def absolute(field: str, value: Any) -> Any:
    """A field's value, absolute if it is a path: `~` and the current folder put in."""
    if field not in _PATHS or not isinstance(value, str) or value in _NO_PATH:
        return value
    return os.path.abspath(os.path.expanduser(value))


def with_absolute_paths(config: TrainConfig) -> TrainConfig:
    """A config that means the same files whatever the current folder is."""
    changes = {field: absolute(field, getattr(config, field)) for field in _PATHS}
    return dataclasses.replace(config, **changes)
