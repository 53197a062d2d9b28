"""Exit codes, one-line errors, and help that does not wait for TensorFlow."""

from __future__ import annotations

import argparse
import errno
import logging
import os
import sys
from types import SimpleNamespace

import pytest
import tensorflow as tf

import keras_wa
from keras_wa.cli import main
from keras_wa.cli.main import COMMANDS
from keras_wa.errors import UserError
from tests.processes import python
from tests.tiny_model import ROOT


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A command `train` that raises `error`, or returns 0."""
    module = SimpleNamespace(
        EXAMPLE="keras-wa train",
        add_arguments=lambda parser: None,
        error=None,
    )

    def run(_: argparse.Namespace) -> int:
        if module.error is not None:
            raise module.error
        return 0

    module.run = run
    monkeypatch.setattr(sys.modules["keras_wa.cli.main"], "_command", lambda _: module)
    return module


def test_a_users_mistake_is_one_line_and_2(command, error_of):
    command.error = UserError("data/x.png: no image.\n  Received: text")
    line = error_of(["train"])
    assert line == "error: data/x.png: no image. Received: text"


def test_what_the_package_logs_is_printed_once_as_a_warning(command, capsys):
    log = logging.getLogger("keras_wa.models.weights")

    def run(_: argparse.Namespace) -> int:
        log.warning("donor.npz: 100%% of %s", "conv1")
        log.debug("unimportant")
        return 0

    command.run = run
    for _ in range(2):
        assert main(["train"]) == 0
        assert capsys.readouterr() == ("*** donor.npz: 100% of conv1\n", "")


@pytest.mark.parametrize(
    "error",
    [
        ZeroDivisionError("ours"),
        FileNotFoundError(errno.ENOENT, "No such file", "state.json"),
    ],
)
def test_a_defect_keeps_its_traceback(command, error):
    command.error = error
    with pytest.raises(type(error)):
        main(["train"])


def test_ctrl_c_is_130(command, capsys):
    command.error = KeyboardInterrupt()
    assert main(["train"]) == 130
    assert capsys.readouterr().err.strip() == "Stopped."


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "runs/x/best.keras"),
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        # As HDF5 and TensorFlow tell it: in the text alone.
        OSError("Unable to write (file write failed, 'No space left on device')"),
        tf.errors.ResourceExhaustedError(
            None, None, "events.v2; No space left on device\n\tFailed to flush"
        ),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_full_disk_is_a_users_matter(command, error_of, error):
    command.error = error
    line = error_of(["train"])
    assert line.startswith("error: The disk is full (")
    assert line.endswith("). Free some space and run it again.")
    assert "Failed to flush" not in line


def test_a_place_that_may_not_be_written_is_named(command, error_of):
    command.error = PermissionError(errno.EACCES, "Permission denied", "runs/x")
    line = error_of(["train"])
    assert "Permission denied: 'runs/x'" in line
    assert "Choose a writable location" in line


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "required: COMMAND. See: keras-wa --help"),
        (["trian"], "invalid choice: 'trian'"),
        (["train", "--epochs", "many"], "--epochs: invalid int value: 'many'"),
        (["train", "--epoch-count", "3"], "unrecognized arguments: --epoch-count 3"),
        (["evaluate"], "required: RUN. See: keras-wa evaluate --help"),
        (["enhance", "--limit", "5"], "unrecognized arguments: --limit 5"),
    ],
)
def test_a_wrong_argument_is_one_line_too(error_of, words, expected):
    assert expected in error_of(words)


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.strip() == keras_wa.__version__


def test_every_example_can_be_parsed():
    import importlib
    import shlex

    from keras_wa.cli.main import _parser

    for name in COMMANDS:
        example = importlib.import_module(f"keras_wa.cli.{name}").EXAMPLE
        words = shlex.split(example)
        words = words[1:] if words[0] == "keras-wa" else [name, *words[2:]]
        assert _parser().parse_args(words).command == name


_HELP = """
import sys
from keras_wa.cli import main

for command in sys.argv[1:]:
    try:
        main([command, "--help"])
    except SystemExit as stop:
        assert stop.code == 0
print("heavy:", sorted({"tensorflow", "keras", "torch", "jax"} & set(sys.modules)))
"""


def test_help_does_not_wait_for_tensorflow():
    done = python("-c", _HELP, *COMMANDS)
    assert done.stdout.count("Example: ") == len(COMMANDS)
    assert done.stdout.endswith("heavy: []\n")
    assert done.stderr == ""


def test_the_list_of_commands_imports_none_of_them():
    code = """
import sys
from keras_wa.cli import main
try:
    main(["--help"])
except SystemExit:
    print(sorted({"numpy", "pandas", "sklearn"} & set(sys.modules)))
"""
    done = python("-c", code)
    assert all(f"\n    {name}" in done.stdout for name in COMMANDS)
    assert done.stdout.endswith("[]\n")


@pytest.mark.parametrize("script", ["train", "evaluate"])
def test_the_scripts_are_the_commands(script):
    source = (ROOT / f"{script}.py").read_text()
    calls: list[list[str]] = []
    fake = SimpleNamespace(main=lambda words: calls.append(words) or 7)
    argv = [f"{script}.py", "--flag"]
    saved = sys.modules["keras_wa.cli"], sys.argv
    sys.modules["keras_wa.cli"], sys.argv = fake, argv  # type: ignore[assignment]
    try:
        with pytest.raises(SystemExit) as stop:
            exec(compile(source, f"{script}.py", "exec"), {"__name__": "__main__"})
    finally:
        sys.modules["keras_wa.cli"], sys.argv = saved
    assert stop.value.code == 7
    assert calls == [[script, "--flag"]]
