"""Models by name, so that a command line or a config file can ask for one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_args, get_type_hints

import keras

from keras_wa.errors import UserError, unknown_name
from keras_wa.plugins import import_plugins
from keras_wa.ranges import FLOAT32

Builder = Callable[..., keras.Model]

PLUGINS = "keras_wa.models"
"""Group of the entry points of other packages' models."""

_BUILDERS: dict[str, Builder] = {}
_SOURCES: dict[str, str] = {}
_IMAGENET: dict[str, str] = {}


def register_model(
    *, source: str, imagenet: str | None = None
) -> Callable[[Builder], Builder]:
    """Registers a builder function under its own name.

    Args:
        source: one line that says where the model comes from.
        imagenet: the network of keras.applications with whose ImageNet weights the
            model's training starts by default, where they can be had.

    Returns:
        A decorator. Its function takes annotated keyword options, each with a default,
        and returns a flat functional `keras.Model` that maps a batch of ROIs to the
        probabilities of its classes, malignant the last. A number's range is declared
        in its annotation, `Annotated[float, Range(0, 1)]`; the decorated function
        checks its options. The decorator raises a `ValueError` if the name is taken.
    """

    def register(builder: Builder) -> Builder:
        name = builder.__name__
        if name in _BUILDERS:
            raise ValueError(f"Two models are named {name!r}.")
        _BUILDERS[name] = builder
        _SOURCES[name] = source
        if imagenet is not None:
            _IMAGENET[name] = imagenet

        @functools.wraps(builder)
        def checked(**options: Any) -> keras.Model:
            return create_model(name, **options)

        return checked

    return register


def list_models() -> list[str]:
    """Names of the registered models, those of plug-ins included, sorted."""
    import_plugins(PLUGINS)
    return sorted(_BUILDERS)


def model_options(name: str) -> dict[str, Any]:
    """Options that a model takes, with their defaults.

    Raises:
        UserError: no model has this name.
    """
    parameters = inspect.signature(_builder(name)).parameters
    return {key: parameter.default for key, parameter in parameters.items()}


def model_source(name: str) -> str:
    """Where a model comes from, in one line.

    Raises:
        UserError: no model has this name.
    """
    _builder(name)
    return _SOURCES[name]


def model_imagenet(name: str) -> str | None:
    """The network whose ImageNet weights a model starts from by default, if any.

    Raises:
        UserError: no model has this name.
    """
    _builder(name)
    return _IMAGENET.get(name)


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Checks names, types and ranges of a model's options without building it.

    Args:
        name: one of `list_models()`.
        options: option -> value.

    Raises:
        UserError: no model or option has this name, or a value is of another type
            or outside the range that the builder declares.
    """
    known = model_options(name)
    plain = get_type_hints(_builder(name))
    hints = get_type_hints(_builder(name), include_extras=True)
    for option, value in options.items():
        if option not in known:
            raise unknown_name(f"option of model {name!r}", option, known)
        kinds = get_args(plain[option]) or (plain[option],)
        # A whole number is a fine float; True is no number at all.
        accepted = (*kinds, int) if float in kinds else kinds
        is_stray_bool = isinstance(value, bool) and bool not in kinds
        if is_stray_bool or not isinstance(value, accepted):
            expected = " or ".join(
                "None" if kind is type(None) else kind.__name__ for kind in kinds
            )
            raise UserError(f"`{option}` must be {expected}. Received: {value!r}")
        declared = getattr(hints[option], "__metadata__", ())
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            range_ = declared[0] if declared else FLOAT32
            range_.check(f"`{option}`", value)


def create_model(name: str, **options: Any) -> keras.Model:
    """Builds a registered model.

    Args:
        name: one of `list_models()`.
        **options: the builder's keyword options; `model_options(name)` lists them.

    Returns:
        A flat functional model. Its input is `(batch, size, size, 1)`, grey in
        [0, 1], or the four subbands of that; its output `(batch, classes)`
        float32 probabilities, malignant the last.

    Raises:
        UserError: an unknown model or option, or an option's value out of range.
    """
    check_options(name, options)
    return _builder(name)(**options)


def _builder(name: str) -> Builder:
    if name not in _BUILDERS:
        import_plugins(PLUGINS)
    if name not in _BUILDERS:
        raise unknown_name("model", name, _BUILDERS)
    return _BUILDERS[name]
