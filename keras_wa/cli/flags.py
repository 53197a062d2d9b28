"""Command-line flags for settings, and settings from flags and TOML files."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from keras_wa.cli.paths import expand_home
from keras_wa.settings import Settings, field_names, fields_of, read_toml


def flag_of(name: str) -> str:
    """Returns the flag of a setting."""
    return f"--{name.replace('_', '-')}"


def add_config(parser: argparse.ArgumentParser) -> None:
    """Adds `--config`."""
    parser.add_argument("--config", metavar="FILE", help="TOML file, see configs/")


def add_settings(
    parser: argparse.ArgumentParser,
    record: type[Settings],
    without: tuple[str, ...] = (),
    only: tuple[str, ...] | None = None,
) -> None:
    """Adds a flag for each field of a settings class; flags default to `None`.

    The groups of the class are those of the help. Fields in `without`, and those not in
    `only` if it is given, get no flag.
    """
    for group in _groups(record):
        flags = [
            (field, kinds)
            for field, kinds in fields_of(group)
            if field.name not in without and (only is None or field.name in only)
        ]
        section = parser.add_argument_group(group.title) if flags else None
        for field, kinds in flags:
            _add(section, field, kinds)


def given_settings(
    args: argparse.Namespace, record: type[Settings], config: str | None = None
) -> dict[str, Any]:
    """Returns field -> value from a TOML file, overridden by flags."""
    values = expand_home(read_toml(config)) if config else {}
    flags = {
        name: value
        for name, value in vars(args).items()
        if name in field_names(record) and value is not None
    }
    if "model_options" in flags:  # A flag gives one option.
        others = values.get("model_options", {})
        if isinstance(others, dict):
            flags["model_options"] = others | dict(flags["model_options"])
    return {**values, **flags}


def _groups(record: type[Settings]) -> Iterator[Any]:
    """Returns the groups of a settings class, in the order of its fields."""
    for each in reversed(record.__mro__):
        if "title" in vars(each):
            yield each


def _add(section: Any, field: dataclasses.Field[Any], kinds: tuple[type, ...]) -> None:
    words = field.metadata
    options: dict[str, Any] = {"dest": field.name, "default": None}
    flag = flag_of(field.name)
    options["help"] = words["help"]
    if (
        field.default not in (None, dataclasses.MISSING)
        and "default" not in options["help"]
    ):
        options["help"] += f" (default: {_shown(field.default)})"
    if bool in kinds:
        section.add_argument(flag, action=argparse.BooleanOptionalAction, **options)
        return
    if words["metavar"]:
        options["metavar"] = words["metavar"]
    if dict in kinds:
        flag = flag.removesuffix("s")  # Each flag gives one item.
        section.add_argument(flag, action="append", type=_pair, **options)
        return
    for kind, metavar in ((int, "N"), (float, "X")):
        if kind in kinds:
            options = {"metavar": metavar, "type": kind, **options}
    section.add_argument(flag, **options)


def _shown(default: Any) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    return f"{default:g}" if isinstance(default, float) else str(default)


def _pair(text: str) -> tuple[str, Any]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise argparse.ArgumentTypeError(f"must be KEY=VALUE. Received: {text!r}")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
