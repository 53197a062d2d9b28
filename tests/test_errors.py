"""The user's mistakes are told in one helpful line."""

from __future__ import annotations

import errno

import pytest

from keras_wa.errors import (
    UserError,
    in_one_line,
    may_pass,
    replace_parameters,
    unknown_name,
)


def _because(cause: Exception) -> UserError:
    error = UserError("x")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (OSError(errno.EIO, "Input/output error"), True),
        (_because(_because(PermissionError(errno.EACCES, "Permission denied"))), True),
        (_because(FileNotFoundError(errno.ENOENT, "No such file")), False),
        (_because(MemoryError()), True),
        (UserError("the file is empty"), False),
        (_because(OSError("No tag to read at file position 84")), False),
        (_because(ValueError("damaged")), False),
    ],
)
def test_what_may_pass_is_the_system_s_fault(error: Exception, passes: bool) -> None:
    assert may_pass(error) is passes


@pytest.mark.parametrize(
    ("received", "nearest"),
    [("wa_resnet5", "wa_resnet50"), ("resnt50", "resnet50"), ("vgg", "vgg16")],
)
def test_a_misspelt_name_is_answered_with_the_nearest(
    received: str, nearest: str
) -> None:
    error = unknown_name("model", received, ["vgg16", "resnet50", "wa_resnet50"])
    assert isinstance(error, UserError)
    assert str(error) == (
        f"Unknown model. Received: {received!r}; did you mean {nearest!r}?"
    )


@pytest.mark.parametrize("received", ["transformer", "", 7, None])
def test_a_name_like_no_other_is_answered_with_the_whole_list(received: str) -> None:
    error = unknown_name("model", received, ["vgg16", "alexnet"])
    assert str(error) == (
        f"Unknown model. Received: {received!r}; choose from: alexnet, vgg16."
    )


def test_what_a_library_says_is_told_in_one_line() -> None:
    assert in_one_line(ValueError("not\n  this \n")) == "not this"
    assert in_one_line(ValueError("x" * 400), 10) == "x" * 10
    assert in_one_line(KeyError()) == "KeyError"


def test_parameters_in_backticks_are_replaced_where_wanted() -> None:
    found = []

    def replace(name: str, value: str | None) -> str | None:
        found.append((name, value))
        return "<it>" if name == "crop" else None

    message = "`crop`, `crop='a=b'`, `data_dir`, crop, `a b`, `f(crop=1)`"
    shown = "<it>, <it>, `data_dir`, crop, `a b`, `f(crop=1)`"
    assert replace_parameters(message, replace) == shown
    assert found == [("crop", None), ("crop", "'a=b'"), ("data_dir", None)]
