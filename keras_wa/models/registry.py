"""Models by name, for the command line and configuration files."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

import keras

from keras_wa.errors import unknown_name
from keras_wa.plugins import import_plugins
from keras_wa.ranges import FLOAT32
from keras_wa.settings import check_type, kinds_of

Builder = Callable[..., keras.Model]

PLUGINS = "keras_wa.models"
"""Group of the entry points of other packages' models."""

_BUILDERS: dict[str, Builder] = {}
_SOURCES: dict[str, str] = {}
_IMAGENET: dict[str, str] = {}


def register_model(
    *, source: str, imagenet: str | None = None
) -> Callable[[Builder], Builder]:
    """Registers a function that builds a model, under the function's name.

    The function takes annotated keyword options, each with a default, among them
    `image_size` and `classes`, and returns a flat functional `keras.Model` from grey
    ROIs in [0, 1], `(batch, image_size, image_size, 1)`, to probabilities
    `(batch, classes)`, malignant the last. The annotation declares the range of a
    number: `Annotated[float, Range(0, 1)]`, with `keras_wa.ranges.Range`. Options are
    checked before the function is called.

    Args:
        source: origin of the model, one line.
        imagenet: class of keras.applications whose ImageNet weights training uses by
            default if they are available; None trains from scratch.

    Returns:
        A decorator.

    Raises:
        ValueError: when decorating, if the name is taken.

    Example:
        >>> import keras
        >>> from keras_wa.models import create_model, register_model
        >>> @register_model(source="an example")
        ... def tiny_cnn(*, image_size: int = 224, classes: int = 2) -> keras.Model:
        ...     roi = keras.Input((image_size, image_size, 1), name="roi")
        ...     x = keras.layers.Conv2D(8, 3, activation="relu")(roi)
        ...     x = keras.layers.GlobalAveragePooling2D()(x)
        ...     head = keras.layers.Dense(
        ...         classes, activation="softmax", dtype="float32", name="predictions")
        ...     return keras.Model(roi, head(x), name="tiny_cnn")
        >>> create_model("tiny_cnn", image_size=64).output_shape
        (None, 2)
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
    """Lists the names of the registered models, those of plug-ins included.

    Returns:
        The names, sorted.

    Example:
        >>> from keras_wa.models import list_models
        >>> [name for name in list_models() if name.startswith("wa_resnet50")]
        ['wa_resnet50', 'wa_resnet50_literal']
    """
    import_plugins(PLUGINS)
    return sorted(_BUILDERS)


def model_options(name: str) -> dict[str, Any]:
    """Returns the options of a model with their defaults.

    Args:
        name: one of `list_models()`.

    Returns:
        A dictionary, option -> default.

    Raises:
        UserError: the model is unknown.

    Example:
        >>> from keras_wa.models import model_options
        >>> options = model_options("wa_resnet50")
        >>> options["wavelet"], options["se_position"]
        ('haar', 'after_block')
    """
    parameters = inspect.signature(_builder(name)).parameters
    return {key: parameter.default for key, parameter in parameters.items()}


def model_source(name: str) -> str:
    """Returns the origin of a model, one line.

    Raises:
        UserError: the model is unknown.
    """
    _builder(name)
    return _SOURCES[name]


def model_imagenet(name: str) -> str | None:
    """Returns the network whose ImageNet weights a model uses by default, or None.

    Raises:
        UserError: the model is unknown.
    """
    _builder(name)
    return _IMAGENET.get(name)


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Checks names, types and ranges of a model's options.

    Args:
        name: one of `list_models()`.
        options: option -> value.

    Raises:
        UserError: the model or an option is unknown, or a value has another type or is
            out of the range that the builder declares.
    """
    known = model_options(name)
    plain = get_type_hints(_builder(name))
    hints = get_type_hints(_builder(name), include_extras=True)
    for option, value in options.items():
        if option not in known:
            raise unknown_name(f"option of model {name!r}", option, known)
        check_type(option, kinds_of(plain[option]), value)
        declared = getattr(hints[option], "__metadata__", ())
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            range_ = declared[0] if declared else FLOAT32
            range_.check(f"`{option}`", value)


def create_model(name: str, **options: Any) -> keras.Model:
    """Builds a registered model.

    The docstring of the function that is registered documents the model and its
    options, for example `keras_wa.models.resnet50.wa_resnet50`.

    Args:
        name: one of `list_models()`.
        **options: options of the model, see `model_options(name)`.

    Returns:
        A flat functional model. Its input is a grey ROI in [0, 1],
        `(batch, image_size, image_size, 1)`, or its subbands if the model has an option
        `dwt="pipeline"`; its output float32 probabilities, `(batch, classes)`,
        malignant the last.

    Raises:
        UserError: the model or an option is unknown, or a value is out of range.

    Example:
        >>> from keras_wa.models import create_model
        >>> model = create_model("attention_cnn", image_size=64, attention="hard")
        >>> model.input_shape, model.output_shape
        ((None, 64, 64, 1), (None, 2))
    """
    check_options(name, options)
    return _builder(name)(**options)


def _builder(name: str) -> Builder:
    if name not in _BUILDERS:
        import_plugins(PLUGINS)
    if name not in _BUILDERS:
        raise unknown_name("model", name, _BUILDERS)
    return _BUILDERS[name]
