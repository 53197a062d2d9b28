"""The systems of a comparison: a model, its options and training settings."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from keras_wa.errors import UserError
from keras_wa.models import model_options
from keras_wa.training.config import TrainConfig
from keras_wa.training.fingerprint import (
    COMPUTING,
    PLACES,
    options_of,
    with_absolute_paths,
)

_DATA = (
    "dataset",
    "group_pattern",
    "lesion",
    "crop",
    "field_mm",
    "pixel_spacing",
    "bits_stored",
    "drop_without_callback",
    "for_processing",
    "limit",
    "data_seed",
    "rois",
    "labelling",
    "conspicuity",
    "blur_mm",
    "projected_views",
    "split",
    "folds",
    "validation",
)
_BUDGET = ("fresh_rois", "epochs", "batch_size")

COMMON = (*_DATA, *_BUDGET)
"""Fields of a training config that all runs of a comparison share: those that determine
the ROIs, their field of view and their split, and the budget."""

_NO_SETTING = (
    "custom",
    *COMMON,
    *PLACES,
    *COMPUTING,
    "fold",
    "seed",
    "model",
    "model_options",
)

SETTINGS = tuple(
    field.name
    for field in dataclasses.fields(TrainConfig)
    if field.name not in _NO_SETTING
)
"""All other fields, which each system may set."""


@dataclasses.dataclass(frozen=True)
class System:
    """One system of a comparison.

    Attributes:
        name: its specification, for example `"wa_resnet50:se_position=none"`.
        model: a registered model.
        options: the model's options that this system sets.
        settings: fields of `SETTINGS` that this system sets.
    """

    name: str
    model: str
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def config(self, shared: Mapping[str, Any]) -> TrainConfig:
        """Returns the training config of this system.

        Of the `model_options` that all systems share, those that the model does not
        have are ignored, such as `stem_stride` of AlexNet.
        """
        known = model_options(self.model)
        common = shared.get("model_options", {})
        options = {key: value for key, value in common.items() if key in known}
        values = {
            **shared,
            **self.settings,
            "model": self.model,
            "model_options": {**options, **self.options},
        }
        return TrainConfig.from_mapping(values, f"system {self.name}")


def systems_of(configs: Sequence[TrainConfig]) -> list[System]:
    """Returns the systems of runs with these configs.

    Runs that differ only in seed, fold, paths and computing settings belong to one
    system. Its name consists of its model and of the options and settings that differ
    between runs and are not the default. `parse_systems` accepts the name, unless the
    path of the weights has a comma, or a colon other than that of `hf://`. The configs
    must agree in `COMMON`.
    """
    every = [{**options_of(each), **_settings_of(each)} for each in configs]
    varying = {
        key
        for one in every
        for key in one
        if any(key not in other or other[key] != one[key] for other in every)
    }
    systems = []
    for config, own in zip(configs, every, strict=True):
        plain = TrainConfig(model=config.model)
        usual = {**options_of(plain), **_settings_of(plain)}
        words = [
            f"{key}={_text(own[key])}"
            for key in sorted(varying & own.keys())
            if own[key] != usual[key]
        ]
        name = ":".join([config.model, *words])
        systems.append(System(name, config.model, config.model_options))
    return systems


def _settings_of(config: TrainConfig) -> dict[str, Any]:
    found = with_absolute_paths(config)
    return {field: getattr(found, field) for field in (*SETTINGS, "custom")}


def _text(value: Any) -> str:
    """Returns text that `parse_value` reads as the value; a digest for other types."""
    if isinstance(value, dict):
        digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
        return f"{'+'.join(value)}-{digest[:6]}"
    plain = isinstance(value, str) and parse_value(value) == value
    return value if plain else json.dumps(value)


def parse_systems(models: str) -> list[System]:
    """Reads a list of systems.

    Args:
        models: comma-separated names of models, each with options or settings after
            colons: `"resnet50:stem_stride=2,vgg16:learning_rate=1e-4"`.

    Raises:
        UserError: a model or key is unknown, a system is repeated, or there is none.
    """
    systems = [_parse(each.strip()) for each in models.split(",") if each.strip()]
    if not systems:
        raise UserError("`models` names no model. Expected: `models='resnet50,vgg16'`.")
    names = [each.name for each in systems]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"`models` names {name!r} more than once.")
    return systems


def _parse(text: str) -> System:
    model, *words = re.split(r":(?!//)", text)  # But that of hf://user/name.
    known = model_options(model)
    options, settings = {}, {}
    for word in words:
        key, separator, value = word.partition("=")
        if not separator:
            raise UserError(
                f"`models`, system {text!r}. Received: {word!r}; expected KEY=VALUE."
            )
        if key in SETTINGS:
            settings[key] = parse_value(value)
        elif key in known:
            options[key] = parse_value(value)
        else:
            raise UserError(
                f"`models`, system {text!r}. Received: {key!r}; expected an option of "
                f"{model} ({', '.join(known)}) or one of {', '.join(SETTINGS)}."
            )
    return System(text, model, options, settings)


def parse_value(text: str) -> Any:
    """Parses a number, boolean or null as in JSON; other text is returned unchanged."""
    try:
        return json.loads(text)
    except ValueError:
        return text
