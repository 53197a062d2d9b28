"""Every public name is documented, and the example in its docstring runs."""

from __future__ import annotations

import doctest
import inspect
import re
from types import ModuleType
from typing import Any

import pytest

import keras_wa
from keras_wa.data import registry as data_registry
from keras_wa.models import registry

_HEADER = re.compile(r"^(\w[\w ]*):(?: |$)", re.MULTILINE)
_ENTRY = re.compile(r"^ {4}(\*{0,2}\w+(?:, \w+)*):", re.MULTILINE)


def _public() -> dict[str, Any]:
    """The classes and functions in `__all__` of the public packages."""
    found = {}
    for name in keras_wa.__all__:
        value = getattr(keras_wa, name)
        if isinstance(value, ModuleType):
            inside = {f"{name}.{n}": getattr(value, n) for n in value.__all__}
            found.update(inside)
        else:
            found[name] = value
    return found


PUBLIC = _public()


def _section(docstring: str, *titles: str) -> str:
    """The text below a title of a docstring, up to the next one."""
    parts = _HEADER.split(docstring)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    return "".join(sections.get(title, "") for title in titles)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_documented(name: str) -> None:
    value = PUBLIC[name]
    docstring = value.__doc__ and inspect.getdoc(value)
    assert docstring, "no docstring"
    summary, *rest = docstring.split("\n")
    assert summary.endswith("."), "the summary is one line, a sentence"
    assert not rest or not rest[0], "an empty line follows the summary"
    # A class without an `__init__` has the parameters of its parent.
    function = vars(value).get("__init__") if inspect.isclass(value) else value
    parameters = [
        parameter.name
        for parameter in inspect.signature(function or object).parameters.values()
        if parameter.name != "self" and parameter.kind is not parameter.VAR_KEYWORD
    ]
    entries = _ENTRY.findall(_section(docstring, "Args", "Attributes"))
    documented = {name for entry in entries for name in entry.split(", ")}
    assert set(parameters) <= documented
    assert inspect.isclass(value) or _section(docstring, "Returns", "Raises")


@pytest.mark.parametrize("name", PUBLIC)
def test_an_example_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # What an example registers is gone afterwards.
    monkeypatch.setattr(data_registry, "_READERS", dict(data_registry._READERS))
    for models in ("_BUILDERS", "_SOURCES"):
        monkeypatch.setattr(registry, models, dict(getattr(registry, models)))
    # Without globals: an example shows its imports.
    example = doctest.DocTestParser().get_doctest(
        inspect.getdoc(PUBLIC[name]) or "", {}, name, None, None
    )
    assert example.examples, "no example"
    report: list[str] = []
    doctest.DocTestRunner(verbose=False).run(example, out=report.append)
    assert not report, "".join(report)
