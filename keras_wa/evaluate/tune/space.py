"""The settings that a search varies, and their values."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_wa.errors import UserError, unknown_name
from keras_wa.evaluate.compare.systems import SETTINGS
from keras_wa.models import model_options
from keras_wa.settings import read_toml
from keras_wa.training.config import TrainConfig

if TYPE_CHECKING:
    import optuna

_FIXED = ("image_size", "classes", "views")

VARIABLE = ("batch_size", *(name for name in SETTINGS if name not in _FIXED))
"""Settings that a search may vary, besides the options of the model: not the ROIs,
their classes or views, the split, the seed or the number of epochs."""

_EXPECTED = "a list of values, or {low = …, high = …}, with log = true for a log scale"


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A setting and its values.

    Attributes:
        name: a setting of `VARIABLE` or an option of the model.
        choices: its values; empty for a range.
        low, high: the range.
        log: whether the range is searched on a logarithmic scale.
    """

    name: str
    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False

    @property
    def values(self) -> tuple[Any, ...]:
        """The choices, or the ends of the range."""
        return self.choices or (self.low, self.high)

    def suggest(self, trial: optuna.Trial) -> Any:
        """Returns the value for a trial."""
        if self.choices:
            return trial.suggest_categorical(self.name, self.choices)
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(self.name, self.low, self.high, log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, log=self.log)


def read_space(path: str | Path, base: Mapping[str, Any]) -> list[Parameter]:
    """Reads a search space from a TOML file.

    Each key is a setting or an option of the model, and its value a list of choices or
    a range:

        learning_rate = {low = 1e-4, high = 1e-2, log = true}
        batch_size = [16, 32]
        graft = ["detail", "field"]

    Args:
        path: the file.
        base: the settings of all trials, as in a config file.

    Raises:
        UserError: the file cannot be read, a key is no setting that can be varied, or a
            value is out of the setting's range.
    """
    record = read_toml(path)
    if not record:
        raise UserError(f"{path}: no setting. Expected: {_EXPECTED}.")
    known = (*VARIABLE, *model_options(base.get("model", TrainConfig.model)))
    space = []
    for name, value in record.items():
        if name not in known:
            raise UserError(
                f"{path}: {unknown_name('setting to vary', name, known)}"
            ) from None
        space.append(_parameter(f"{path}: {name!r}", name, value))
    for settings in _one_at_a_time(space):
        try:
            configured(base, settings)
        except UserError as error:
            raise UserError(f"{path}: {error}".replace("`", "'")) from error
    return space


def configured(base: Mapping[str, Any], settings: Mapping[str, Any]) -> TrainConfig:
    """Returns the config of a trial: base settings and those of the trial."""
    own = {name: value for name, value in settings.items() if name in VARIABLE}
    options = {name: value for name, value in settings.items() if name not in VARIABLE}
    options = {**base.get("model_options", {}), **options}
    return TrainConfig.from_mapping(
        {**base, **own, "model_options": options}, "the settings of the trials"
    )


def _parameter(origin: str, name: str, value: Any) -> Parameter:
    if isinstance(value, list) and value:
        return Parameter(name, choices=tuple(value))
    if isinstance(value, dict) and {"low", "high"} <= set(value) <= {
        *("low", "high", "log")
    }:
        low, high, log = value["low"], value["high"], value.get("log", False)
        numbers = all(type(each) in (int, float) for each in (low, high))
        if numbers and isinstance(log, bool) and low < high and (low > 0 or not log):
            return Parameter(name, low=low, high=high, log=log)
    raise UserError(f"{origin}. Received: {value!r}; expected {_EXPECTED}.")


def _one_at_a_time(space: list[Parameter]) -> Iterator[dict[str, Any]]:
    """Yields settings in which each parameter in turn has each of its values."""
    first = {each.name: each.values[0] for each in space}
    for each in space:
        for value in each.values:
            yield {**first, each.name: value}
