"""What is compared: a model, its options, and settings of its training."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from keras_wa.errors import UserError
from keras_wa.models import model_options
from keras_wa.training.config import TrainConfig

SETTINGS = ("learning_rate", "schedule", "warmup_steps", "weights", "enhance")
"""Fields of a training config that one system may have for itself.

Epochs, batch size and ROIs are those of all: the budget of a comparison is one.
"""


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


def parse_systems(text: str) -> list[System]:
    """Reads a list of systems.

    Args:
        text: comma-separated; each a model's name, and behind colons its options or
            settings: `"resnet50:stem_stride=2,vgg16:learning_rate=1e-4"`.

    Raises:
        UserError: a model or key is unknown, a system comes twice, or there is none.
    """
    systems = [_parse(each.strip()) for each in text.split(",") if each.strip()]
    if not systems:
        raise UserError("--models names no model. Expected: --models resnet50,vgg16")
    names = [each.name for each in systems]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"--models names {name!r} more than once.")
    return systems


def _parse(text: str) -> System:
    model, *words = text.split(":")
    known = model_options(model)
    options, settings = {}, {}
    for word in words:
        key, separator, value = word.partition("=")
        if not separator:
            raise UserError(
                f"--models, system {text!r}. Received: {word!r}; expected KEY=VALUE."
            )
        if key in SETTINGS:
            settings[key] = parse_value(value)
        elif key in known:
            options[key] = parse_value(value)
        else:
            raise UserError(
                f"--models, system {text!r}. Received: {key!r}; expected an option of "
                f"{model} ({', '.join(known)}) or one of {', '.join(SETTINGS)}."
            )
    return System(text, model, options, settings)


def parse_value(text: str) -> Any:
    """A number, a truth value or null as JSON has them, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text
