"""The terminal says the verdict first, in one sentence, and every number."""

from __future__ import annotations

import dataclasses
import io

import pytest
from rich.console import Console

from keras_wa.cli.audit_findings import print_report
from keras_wa.evaluate.audit.findings import VERDICTS, CheckResult, verdict_sentence
from tests.evaluate.audit.reports import HOSTILE, report


def printed(width: int = 80) -> str:
    file = io.StringIO()
    print_report(report(), Console(file=file, width=width, highlight=False))
    return file.getvalue()


def test_the_data_and_the_verdict_come_first():
    first, second, *_ = printed(200).splitlines()
    assert first == "mine: 1,872 ROIs of 75 patients, split official, 0123456789ab"
    assert second == f"ERROR: {verdict_sentence(report())}"


def test_the_sentence_names_the_worst_check_and_what_was_not_done():
    assert verdict_sentence(report()) == (
        "A result on this data set would be invalid as it stands. See: Copies. 1 check "
        "could not be done."
    )


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_has_a_sentence(verdict):
    finding = CheckResult("x", "X", verdict, "Y.")
    sentence = verdict_sentence(dataclasses.replace(report(), findings=[finding]))
    assert sentence.endswith(".")
    assert sentence != verdict_sentence(report())


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_line_is_wider_than_the_terminal_and_no_number_is_lost(width):
    text = printed(width)
    assert max(map(len, text.splitlines())) <= width
    assert "0.741 [0.655, 0.814]" in text
    assert "0.900 [0.869, 0.933]" in text


def test_markup_in_a_name_is_text():
    assert HOSTILE in printed(200)
