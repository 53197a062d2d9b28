"""The documentation's site builds without a warning and holds all that is public."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from keras_wa.cli.main import COMMANDS
from tests.tiny_model import ROOT

PACKAGES = ("data", "layers", "metrics", "models", "phantom")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("site")
    words = ["build", "--strict", "--quiet", "--site-dir", str(path)]
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return path


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_in_the_reference(site: Path, package: str) -> None:
    page = (site / f"reference/keras_wa.{package}.html").read_text(encoding="utf-8")
    for name in importlib.import_module(f"keras_wa.{package}").__all__:
        assert f'.{name}" class="doc doc-heading"' in page, name


def test_every_command_is_in_the_reference(site: Path) -> None:
    page = (site / "reference/commands.html").read_text(encoding="utf-8")
    for command in COMMANDS:
        assert f"usage: keras-wa {command} [-h]" in page
    assert "--learning-rate X" in page


def test_pages_beside_docs_are_in_the_site(site: Path) -> None:
    assert 'href="predict.html"' in (site / "index.html").read_text(encoding="utf-8")
    assert (site / "MODEL_CARD.html").is_file()
    assert (site / "data/csv.html").is_file()
