"""Settings as fields of dataclasses: one declaration for all that a setting needs.

The declaration of a field gives its default, the values it takes, its help text, its
key in a TOML file and its command-line flag:

    @dataclasses.dataclass(frozen=True)
    class Clahe(Settings):
        title: ClassVar[str] = "CLAHE"

        tiles: int = whole(8, 1, 1024, help="tiles along each side")

`Clahe(tiles=0)` is an error, and a command that adds `Clahe` to its parser has a flag
of that name, in a group of its own. A record of many settings inherits from several
such groups.

Parsers that read dataclasses (tyro, jsonargparse) put the group into the flag,
`optimization.epochs`, and answer a mistake with a block of lines; pydantic makes no
flags.
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

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from typing_extensions import Self

_FINITE = sys.float_info.max


def whole(default: int | None, low: int, high: int = MOST, **words: str) -> Any:
    """A field that holds a whole number from `low` to `high`."""
    return setting(default, numbers=Range(low, high, whole=True), **words)


def real(
    default: float | None,
    low: float = -_FINITE,
    high: float = _FINITE,
    above: bool = False,
    **words: str,
) -> Any:
    """A field that holds a number from `low` (not itself, with `above`) to `high`."""
    return setting(default, numbers=Range(low, high, above=above), **words)


def same(record: type, field: str, **words: str) -> Any:
    """A field with the default and the range of another record's field."""
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
    """A field of a `Settings`.

    Args:
        default: its default; `None` means that the field may be `None`.
        help: what it is, for the command line. The default is added, unless it says
            "default" itself.
        metavar: what stands for its value in the help.
        choices: the strings it takes, if not any.
        numbers: those it takes, of an int or float field.
    """
    kind: dict[str, Any] = (
        {"default_factory": dict} if default == {} else {"default": default}
    )
    words = {"help": help, "metavar": metavar, "choices": choices, "range": numbers}
    return dataclasses.field(metadata=words, **kind)


def declared(record: type, field: str) -> dataclasses.Field[Any]:
    """The declaration of a record's field."""
    return {each.name: each for each in dataclasses.fields(record)}[field]


def range_of(record: type, field: str) -> Range:
    """The range that a record declares for a field."""
    return declared(record, field).metadata["range"]


class Settings:
    """Base of frozen dataclasses whose fields are checked; see this module."""

    def __post_init__(self) -> None:
        """Checks each field.

        Raises:
            UserError: a field has a value that it does not take.
        """
        for field, kinds in fields_of(type(self)):
            value = getattr(self, field.name)
            if value is None and type(None) in kinds:
                continue
            range_ = field.metadata.get("range")
            if range_:
                range_.check(f"`{field.name}`", value)
                continue
            _check_type(field.name, kinds, value)
            choices = field.metadata.get("choices")
            if choices and value not in choices:
                raise unknown_name(f"`{field.name}`", value, choices)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], origin: str) -> Self:
        """Builds settings from parsed TOML or JSON.

        Args:
            values: field -> value; fields that are left out keep their default.
            origin: the file they come from, for error messages.

        Raises:
            UserError: an unknown field, or a value that a field does not take.
        """
        kinds = {field.name: kinds for field, kinds in fields_of(cls)}
        given = {}
        for field, value in values.items():
            if field not in kinds:
                raise UserError(f"{origin}: {unknown_name('field', field, kinds)}")
            if float in kinds[field] and type(value) is int and abs(value) <= _FINITE:
                value = float(value)
            try:
                _check_type(field, kinds[field], value)
            except UserError as error:  # A key of the file, not a parameter.
                raise UserError(f"{origin}: {error}".replace("`", "'")) from None
            given[field] = value
        return cls(**given)

    def to_mapping(self) -> dict[str, Any]:
        """The fields as plain JSON types; `from_mapping` gives the settings back."""
        return dataclasses.asdict(self)  # type: ignore[call-overload]


def fields_of(record: Any) -> list[tuple[dataclasses.Field[Any], tuple[type, ...]]]:
    """Each field of a record with the types that it takes."""
    return _fields_of(record)


@functools.cache
def _fields_of(record: Any) -> list[tuple[dataclasses.Field[Any], tuple[type, ...]]]:
    hints = get_type_hints(record)
    return [(field, _kinds(hints[field.name])) for field in dataclasses.fields(record)]


def field_names(record: type) -> list[str]:
    """The names of a record's fields."""
    return [field.name for field, _ in fields_of(record)]


def read_toml(path: str | Path) -> dict[str, Any]:
    """Reads the fields that a TOML file sets.

    Raises:
        UserError: the file is missing or is not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
    except ValueError as error:  # Not UTF-8, or not TOML.
        raise UserError(f"{path}: not valid TOML ({error}).") from error


def _kinds(hint: Any) -> tuple[type, ...]:
    origin = get_origin(hint)
    if origin is Literal:
        return (str,)
    if origin in (Union, types.UnionType):
        return get_args(hint)
    return (origin or hint,)


def _check_type(name: str, kinds: tuple[type, ...], value: Any) -> None:
    taken = (*kinds, int) if float in kinds else kinds
    if not isinstance(value, taken) or (isinstance(value, bool) and bool not in kinds):
        names = ("table" if each is dict else each.__name__ for each in kinds)
        raise UserError(f"`{name}` must be {' or '.join(names)}. Received: {value!r}")
