"""The command line names the library's parameters and functions as its own."""

from __future__ import annotations

import argparse
import logging

import pytest

from keras_wa.cli.messages import as_flags, name_arguments, printing_log


@pytest.fixture(autouse=True)
def arguments() -> None:
    """A command with each kind of argument."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("--pixel-spacing", metavar="MM")
    parser.add_argument("--timeout", dest="timeout_s")
    parser.add_argument("--augment", action=argparse.BooleanOptionalAction)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--embeddings", type=int)
    parser.add_argument(
        "--no-embeddings", dest="embeddings", action="store_const", const=0
    )
    name_arguments(parser._actions)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("`pixel_spacing` must be at most 1.", "--pixel-spacing must be at most 1."),
        ("`timeout_s`", "--timeout"),
        ("`run`", "RUN"),
        ("`embeddings`", "--embeddings"),
        ("`run='runs/x'`", "RUN runs/x"),
        ("Give `pixel_spacing=0.1`.", "Give --pixel-spacing 0.1."),
        ("`pixel_spacing='a b'`", "--pixel-spacing a b"),
        ("`pixel_spacing=a b`", "--pixel-spacing a b"),
        ("`resume=True`", "--resume"),
        ("`augment=True`, `augment=False`", "--augment, --no-augment"),
        ("`augment` and `resume`", "--augment and --resume"),
        # What this command does not take stays as it is.
        ("`data_dir`, `crop='fixed'`", "`data_dir`, `crop='fixed'`"),
        ("`resume=False`", "`resume=False`"),
        ("pixel_spacing, 'run', `a run`", "pixel_spacing, 'run', `a run`"),
        ("`read` it, `write()` it", "`read` it, `write()` it"),
    ],
)
def test_a_parameter_is_named_as_the_argument_that_sets_it(message, shown):
    assert as_flags(message) == shown


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("`evaluate_run`", "`python evaluate.py RUN`"),
        (
            "`evaluate_run(run='runs/x', split='val')`",
            "`python evaluate.py runs/x --split val`",
        ),
        ("`evaluate_run(run='runs/x (2)')`", "`python evaluate.py runs/x (2)`"),
        (
            "`train(run='runs/x', resume=True)`",
            "`python train.py --run-dir runs/x --resume`",
        ),
        ("`train`", "`python train.py`"),
        ("`export_saved_model(explain=True)`", "`keras-wa export RUN --explain`"),
        ("`keras_wa.data.download`", "`keras-wa download DATASET`"),
    ],
)
def test_a_function_is_named_as_the_command_that_calls_it(message, shown):
    assert as_flags(f"Do it: {message}.") == f"Do it: {shown}."


def test_progress_and_warnings_of_the_library_are_printed(capsys):
    log = logging.getLogger("keras_wa.some.module")
    with printing_log():
        log.info("[1/2] 100% of it")
        log.warning("Lower `pixel_spacing`.")
    log.info("afterwards")
    printed = "[1/2] 100% of it\n*** Lower --pixel-spacing.\n"
    assert capsys.readouterr() == (printed, "")
