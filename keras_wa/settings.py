"""Settings as dataclass fields: one declaration per setting.

The declaration of a field gives its default, its valid values, its help text, its key
in a TOML file and its command-line flag:

    @dataclasses.dataclass(frozen=True)
    class Clahe(Settings):
        title: ClassVar[str] = "CLAHE"

        tiles: int = whole(8, 1, 1024, help="tiles along each side")

`Clahe(tiles=0)` raises an error. A command that adds `Clahe` to its parser has a flag
of the field's name, in a separate group. A dataclass with many settings inherits from
several such groups.

Existing parsers for dataclasses do not fit: tyro and jsonargparse put the group into
the flag (`optimization.epochs`) and print several lines for an error, and pydantic
creates no flags.
"""

from __future__ import annotations

import dataclasses
import functools
import sys
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from keras_wa.errors import UserError, unknown_name
from keras_wa.ranges import MOST, Range

if TYPE_CHECKING:
    from typing_extensions import Self

_FINITE = sys.float_info.max
_TYPE_NAMES = {dict: "table", type(None): "None"}


def whole(default: int | None, low: int, high: int = MOST, **words: str) -> Any:
    """Declares a field that holds a whole number from `low` to `high`."""
    return setting(default, numbers=Range(low, high, whole=True), **words)


def real(
    default: float | None,
    low: float = -_FINITE,
    high: float = _FINITE,
    above: bool = False,
    **words: str,
) -> Any:
    """Declares a field that holds a number from `low` to `high`.

    `above` excludes `low` itself.
    """
    return setting(default, numbers=Range(low, high, above=above), **words)


def same(record: type, field: str, **words: str) -> Any:
    """Declares a field with the default and range of a field of another dataclass."""
    other = declared(record, field)
    choices = other.metadata["choices"]
    words = {"metavar": other.metadata["metavar"], **words}
    return setting(
        other.default, numbers=range_of(record, field), choices=choices, **words
    )


def setting(
    default: Any,
    *,
    help: str = "",  # noqa: A002 - as in argparse
    metavar: str = "",
    choices: Sequence[str] = (),
    numbers: Range | None = None,
) -> Any:
    """Declares a field of a `Settings` dataclass.

    With the default `None` the field may be `None`. The default is appended to `help`
    unless the text contains "default". Without `choices` any string is valid; `numbers`
    are those of an int or float field.
    """
    kind: dict[str, Any] = (
        {"default_factory": dict} if default == {} else {"default": default}
    )
    words = {"help": help, "metavar": metavar, "choices": choices, "range": numbers}
    return dataclasses.field(metadata=words, **kind)


def declared(record: type, field: str) -> dataclasses.Field[Any]:
    """Returns the declaration of a dataclass field."""
    return {each.name: each for each in dataclasses.fields(record)}[field]


def range_of(record: type, field: str) -> Range:
    """Returns the range that a dataclass declares for a field."""
    return declared(record, field).metadata["range"]


class Settings:
    """Base class of frozen dataclasses with checked fields; see this module."""

    def __post_init__(self) -> None:
        """Raises a `UserError` if a field has an invalid value."""
        for field, kinds in fields_of(type(self)):
            value = getattr(self, field.name)
            if value is None and type(None) in kinds:
                continue
            range_ = field.metadata.get("range")
            if range_:
                range_.check(f"`{field.name}`", value)
                continue
            check_type(field.name, kinds, value)
            choices = field.metadata.get("choices")
            if choices and value not in choices:
                raise unknown_name(f"`{field.name}`", value, choices)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], origin: str) -> Self:
        """Builds settings from parsed TOML or JSON; missing fields keep their default.

        `origin` is the file of the values, for error messages.
        """
        kinds = {field.name: kinds for field, kinds in fields_of(cls)}
        given = {}
        for field, value in values.items():
            if field not in kinds:
                raise UserError(f"{origin}: {unknown_name('field', field, kinds)}")
            if float in kinds[field] and type(value) is int and abs(value) <= _FINITE:
                value = float(value)
            try:
                check_type(field, kinds[field], value)
            except UserError as error:  # A key of the file, not a parameter.
                raise UserError(f"{origin}: {error}".replace("`", "'")) from None
            given[field] = value
        return cls(**given)

    def to_mapping(self) -> dict[str, Any]:
        """Returns the fields as JSON types, which `from_mapping` reads."""
        return dataclasses.asdict(self)  # type: ignore[call-overload]


def fields_of(record: Any) -> list[tuple[dataclasses.Field[Any], tuple[type, ...]]]:
    """Returns each field of a dataclass with its valid types."""
    return _fields_of(record)


@functools.cache
def _fields_of(record: Any) -> list[tuple[dataclasses.Field[Any], tuple[type, ...]]]:
    hints = get_type_hints(record)
    return [
        (field, kinds_of(hints[field.name])) for field in dataclasses.fields(record)
    ]


def field_names(record: type) -> list[str]:
    """Returns the names of a dataclass's fields."""
    return [field.name for field, _ in fields_of(record)]


def read_toml(path: str | Path) -> dict[str, Any]:
    """Reads settings from a TOML file."""
    # Models need these settings' checks and no TOML.
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
    except ValueError as error:  # Not UTF-8, or not TOML.
        raise UserError(f"{path}: not valid TOML ({error}).") from error


def kinds_of(hint: Any) -> tuple[type, ...]:
    """Returns the types that an annotation allows."""
    origin = get_origin(hint)
    if origin is Literal:
        return (str,)
    if origin in (Union, types.UnionType):
        return get_args(hint)
    return (origin or hint,)


def check_type(name: str, kinds: tuple[type, ...], value: Any) -> None:
    """Refuses a value of none of the types; a whole number is a float too."""
    taken = (*kinds, int) if float in kinds else kinds
    if not isinstance(value, taken) or (isinstance(value, bool) and bool not in kinds):
        names = (_TYPE_NAMES.get(each, each.__name__) for each in kinds)
        raise UserError(f"`{name}` must be {' or '.join(names)}. Received: {value!r}")
