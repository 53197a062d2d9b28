"""What is compared: a model, its options, and settings of its training."""

from __future__ import annotations

import dataclasses
import hashlib
import json
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
    "split",
    "folds",
    "validation",
)
_BUDGET = ("fresh_rois", "epochs", "batch_size")

COMMON = (*_DATA, *_BUDGET)
"""Fields of a training config that all runs of a comparison have in common: what
decides the ROIs, their field of view and their split, and the budget."""

_NO_SETTING = (*COMMON, *PLACES, *COMPUTING, "fold", "seed", "model", "model_options")

SETTINGS = tuple(
    field.name
    for field in dataclasses.fields(TrainConfig)
    if field.name not in _NO_SETTING
)
"""All others: fields that one system may have for itself."""


@dataclasses.dataclass(frozen=True)
class System:
    """One system of a comparison.

    Attributes:
        name: as it was asked for, for example `"wa_resnet50:se_position=none"`.
        model: a registered model.
        options: the model's options that this system sets.
        settings: fields of `SETTINGS` that this system sets.
    """

    name: str
    model: str
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def config(self, shared: Mapping[str, Any]) -> TrainConfig:
        """The training config of this system.

        Args:
            shared: fields that all systems have. Of its `model_options` those apply
                that the model knows: `stem_stride` says nothing to AlexNet.

        Raises:
            UserError: a value does not fit.
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
    """The systems that runs with these configs are of.

    Runs that differ in the seed, the fold, in places and in how it is computed alone
    are of one system. Its name has what tells it from the others: its model, and each
    option and setting that is not the same in all runs and, here, not as by default. It
    can be given to `parse_systems`, unless the path of its weights has a comma or
    colon.

    Args:
        configs: of runs that agree in `COMMON`.

    Returns:
        A system for each config.
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
    return {field: getattr(found, field) for field in SETTINGS}


def _text(value: Any) -> str:
    """What `parse_value` gives the value for; a digest of what a program passed."""
    if isinstance(value, dict):
        digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
        return f"{'+'.join(value)}-{digest[:6]}"
    plain = isinstance(value, str) and parse_value(value) == value
    return value if plain else json.dumps(value)


def parse_systems(models: str) -> list[System]:
    """Reads a list of systems.

    Args:
        models: comma-separated; each a model's name, and behind colons its options or
            settings: `"resnet50:stem_stride=2,vgg16:learning_rate=1e-4"`.

    Raises:
        UserError: a model or key is unknown, a system comes twice, or there is none.
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
    model, *words = text.split(":")
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
    """A number, a truth value or null as JSON has them, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text
