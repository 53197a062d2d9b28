"""Errors that the user can correct, and checks for errors that may be temporary."""

from __future__ import annotations

import difflib
import errno
import re
from collections.abc import Callable, Iterable

_PARAMETER = re.compile(r"`(\w+)(?:=([^`]*))?`")
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)


class UserError(ValueError):
    """An error in the input, with a one-line message that says how to correct it.

    The message names a parameter in backticks, alone or with a value: `crop='fixed'`.
    The command line prints the message without a traceback and exits with status 2.
    Any other exception is a bug in this package and exits with status 1.
    """


class WeightsUnavailableError(UserError):
    """Pretrained weights cannot be downloaded: no network, or no response.

    Not raised for a missing or damaged file.
    """


class DivergedError(UserError):
    """A training has diverged: its loss is NaN or infinite."""


def may_pass(error: BaseException | None) -> bool:
    """Returns whether an error, or its cause, is the system's and may be temporary."""
    if error is None:
        return False
    # Libraries raise an OSError without a number for a damaged file.
    system = isinstance(error, OSError) and error.errno not in (None, *_ABSENT)
    return system or isinstance(error, MemoryError) or may_pass(error.__cause__)


def in_one_line(error: BaseException, most: int = 300) -> str:
    """Returns an exception's message without line breaks, `most` characters at most."""
    return " ".join(str(error).split())[:most] or type(error).__name__


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UserError:
    """Builds the error for a name that is not in a registry.

    It suggests the nearest known name, or lists them all. `kind` is that of the
    registry, for example `"model"`.
    """
    names = sorted(known)
    close = difflib.get_close_matches(str(name), names, n=1)
    hint = (
        f"did you mean {close[0]!r}?" if close else f"choose from: {', '.join(names)}."
    )
    return UserError(f"Unknown {kind}. Received: {name!r}; {hint}")


def replace_parameters(
    message: str, replace: Callable[[str, str | None], str | None]
) -> str:
    """Replaces the parameters in a message, for example by command-line flags.

    Args:
        message: a message with parameters in backticks.
        replace: function of a parameter's name and value (a Python literal, or `None`)
            that returns the replacement, or `None` to keep the parameter.

    Returns:
        The message with the replacements.

    Example:
        >>> replace_parameters("Lower `epochs`.", lambda name, value: name.upper())
        'Lower EPOCHS.'
    """
    return _PARAMETER.sub(lambda it: replace(it[1], it[2]) or it[0], message)
