"""The one exception that means: the user can mend this. And what mends itself."""

from __future__ import annotations

import difflib
import errno
import re
from collections.abc import Callable, Iterable

_PARAMETER = re.compile(r"`(\w+)(?:=([^`]*))?`")
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)


class UserError(ValueError):
    """A mistake in the input, told in one line that says how to mend it.

    The message names a parameter in backticks, alone or with a value: `crop='fixed'`.
    The command line prints the message without a traceback and exits with status 2.
    Every other exception is a defect of this package and exits with status 1.
    """


class WeightsUnavailableError(UserError):
    """Pretrained weights cannot be downloaded: there is no network, or no answer.

    Raised neither for a file that is missing nor for one that is damaged.
    """


def may_pass(error: BaseException | None) -> bool:
    """Whether the system failed and not the input, so that another attempt may succeed.

    Args:
        error: what was raised; its causes are looked at too.
    """
    if error is None:
        return False
    # An OSError without a number is what a library makes of a damaged file.
    system = isinstance(error, OSError) and error.errno not in (None, *_ABSENT)
    return system or isinstance(error, MemoryError) or may_pass(error.__cause__)


def in_one_line(error: BaseException, most: int = 300) -> str:
    """What a library says of an error, without its line breaks.

    Args:
        error: what was raised.
        most: characters that are kept.
    """
    return " ".join(str(error).split())[:most] or type(error).__name__


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UserError:
    """Builds the error for a name that is not in a registry.

    Args:
        kind: what the name should name, for example `"model"`.
        name: what was received.
        known: the names that exist.

    Returns:
        A `UserError` that suggests the nearest known name, or lists them all.
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
    """Names parameters of a message as a caller of another kind knows them.

    Args:
        message: with parameters in backticks.
        replace: name and value (as in Python, `None` without one) -> what stands in
            their place; `None` leaves them.

    Returns:
        The message.

    Example:
        >>> replace_parameters("Lower `epochs`.", lambda name, value: name.upper())
        'Lower EPOCHS.'
    """
    return _PARAMETER.sub(lambda it: replace(it[1], it[2]) or it[0], message)
