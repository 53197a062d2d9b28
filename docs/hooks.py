"""What `make docs` adds to docs/: pages that lie elsewhere, the API and the commands.

MkDocs calls the functions that are named `on_...`, Griffe the extension.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import posixpath
import re
from pathlib import Path
from typing import Any
from unittest import mock

import griffe
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
PACKAGES = ("data", "layers", "metrics", "models", "phantom")
ELSEWHERE = (
    "README.md",
    "MODEL_CARD.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "data/*.md",
    "benchmarks/results/*.md",
    "examples/*/README.md",
)
"""Pages beside docs/; each keeps its path in the repository."""

_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")


class ExampleSections(griffe.Extension):
    """Reads `Example:` as Griffe reads `Examples:`, so that doctests are code."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Changes the heading in an object's docstring."""
        if obj.docstring:
            text = obj.docstring.value
            obj.docstring.value = re.sub(r"(?m)^Example:$", "Examples:", text)


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that are not in docs/."""
    for pattern in ELSEWHERE:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, name, abs_src_path=str(path)))
    pages = {"keras_wa": _face(), "commands": _commands()}
    pages |= {f"keras_wa.{name}": _package(name) for name in PACKAGES}
    for name, text in pages.items():
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Turns links of the repository into links of the site."""
    name = page.file.src_uri
    is_elsewhere = (ROOT / name).is_file()
    folder = posixpath.dirname(name if is_elsewhere else f"docs/{name}")

    def on_the_site(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, match[1]))
        if (ROOT / target).is_dir():
            target += "/README.md"
        target = target.removeprefix("docs/")
        return posixpath.relpath(target, posixpath.dirname(name) or ".")

    return _LINK.sub(on_the_site, markdown)


def _face() -> str:
    """The page of what `import keras_wa` offers, but for its packages."""
    lines = ["# keras_wa", "", "| package | |", "| --- | --- |"]
    for name in PACKAGES:
        tree = ast.parse((ROOT / "keras_wa" / name / "__init__.py").read_text("utf-8"))
        summary = (ast.get_docstring(tree) or "").splitlines()[0]
        lines.append(f"| [keras_wa.{name}](keras_wa.{name}.md) | {summary} |")
    lines += ["", "::: keras_wa.inference.mammogram_classifier.MammogramClassifier"]
    return "\n".join(lines)


def _package(name: str) -> str:
    """The page of a package: every name of its `__all__`, from its docstring."""
    tree = ast.parse((ROOT / "keras_wa" / name / "__init__.py").read_text("utf-8"))
    origin: dict[str, str] = {}
    public: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            origin |= {each.name: f"{node.module}.{each.name}" for each in node.names}
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            public = ast.literal_eval(node.value)
    lines = [f"# keras_wa.{name}", "", ast.get_docstring(tree) or ""]
    for each in sorted(public, key=str.lower):
        # A function may be named as the module that defines it.
        is_module = (ROOT / "keras_wa" / name / f"{each}.py").exists()
        lines += ["", f"::: {origin[each] if is_module else f'keras_wa.{name}.{each}'}"]
    return "\n".join(lines)


def _commands() -> str:
    """The page of the command line: the help that each parser prints."""
    from keras_wa.cli.main import COMMANDS

    lines = ["# Commands", "", *_help([])]
    for name in COMMANDS:
        lines += ["", f"## keras-wa {name}", "", *_help([name])]
    return "\n".join(lines)


def _help(words: list[str]) -> list[str]:
    from keras_wa.cli.main import main

    printed = io.StringIO()
    with (
        mock.patch.dict(os.environ, {"COLUMNS": "80", "NO_COLOR": "1"}),
        contextlib.redirect_stdout(printed),
        contextlib.suppress(SystemExit),
    ):
        main([*words, "--help"])
    return ["```text", printed.getvalue().rstrip(), "```"]
