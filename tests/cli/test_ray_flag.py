"""`--ray` takes an address, and no other argument."""

from __future__ import annotations

import argparse
import sys

import pytest

from keras_wa.cli.ray_flag import add_ray, on_ray
from keras_wa.errors import UserError


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser()
    made.add_argument("runs", nargs="*")
    add_ray(made)
    return made


@pytest.mark.parametrize(
    ("words", "ray"),
    [
        (["runs/a"], None),
        (["runs/a", "--ray"], "this machine"),
        (["--ray", "host0:6379", "runs/a"], "host0:6379"),
        (["--ray", "auto", "runs/a"], "auto"),
    ],
)
def test_an_address_is_taken(parser, words, ray):
    args = parser.parse_args(words)
    assert (args.ray, args.runs) == (ray, ["runs/a"])


def test_a_run_is_not_taken_for_an_address(parser, capsys):
    with pytest.raises(SystemExit):
        parser.parse_args(["--ray", "runs/a", "runs/b"])
    said = capsys.readouterr().err
    assert "must be HOST:PORT or auto. Received: 'runs/a'" in said


def test_without_the_extra_a_line_says_how_to_install_it(parser, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)  # An import raises an ImportError.
    with on_ray(parser.parse_args([])):
        pass
    said = r"not installed\. Install it: pip install 'keras_wa\[cluster\]'"
    with (
        pytest.raises(UserError, match=said),
        on_ray(parser.parse_args(["--ray"])),
    ):
        pass
