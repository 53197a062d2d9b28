"""Models by name, so that a command line or a config file can ask for one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras

from keras_wa.errors import UserError, unknown_name

Builder = Callable[..., keras.Model]

_BUILDERS: dict[str, Builder] = {}


def register_model(builder: Builder) -> Builder:
    """Registers a builder function under its own name.

    Args:
        builder: takes keyword options and returns a flat functional `keras.Model`
            that maps a batch of ROIs to the probabilities of benign and malignant.

    Returns:
        The builder, unchanged.

    Raises:
        ValueError: the name is taken.
    """
    name = builder.__name__
    if name in _BUILDERS:
        raise ValueError(f"Two models are named {name!r}.")
    _BUILDERS[name] = builder
    return builder


def list_models() -> list[str]:
    """Names of the registered models, sorted."""
    return sorted(_BUILDERS)


def model_options(name: str) -> dict[str, Any]:
    """Options that a model takes, with their defaults.

    Raises:
        UserError: no model has this name.
    """
    if name not in _BUILDERS:
        raise unknown_name("model", name, _BUILDERS)
    parameters = inspect.signature(_BUILDERS[name]).parameters
    return {key: parameter.default for key, parameter in parameters.items()}


def create_model(name: str, **options: Any) -> keras.Model:
    """Builds a registered model.

    Args:
        name: one of `list_models()`.
        **options: the builder's keyword options; `model_options(name)` lists them.

    Returns:
        A flat functional model. Its input is `(batch, size, size, 1)`, grey in
        [0, 1], or `(batch, size / 2, size / 2, 4)` subbands; its output `(batch, 2)`
        float32 probabilities of benign and malignant.

    Raises:
        UserError: an unknown model or option, or an option's value out of range.
    """
    known = model_options(name)
    for option in options:
        if option not in known:
            raise unknown_name(f"option of model {name!r}", option, known)
    return _BUILDERS[name](**options)


def check_choice(option: str, value: Any, choices: tuple[Any, ...]) -> None:
    """Raises a `UserError` if an option's value is not one of the choices."""
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise UserError(f"`{option}` must be one of {listed}. Received: {value!r}")
