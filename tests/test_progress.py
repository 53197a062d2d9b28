"""The bar counts what is done and stays away from what is quick."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from keras_wa.progress import ProgressBar, showing_progress, track


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=80)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_quick_work_shows_no_bar(console):
    with ProgressBar("Reading", 3, console=console) as bar:
        bar.advance(3)
    assert shown(console) == ""


def test_slow_work_shows_what_is_done_of_how_much(console):
    with ProgressBar("Reading", 9, delay=0, console=console) as bar:
        bar.advance(4)
        bar.advance(3)
    assert bar.done == 7
    assert "Reading" in shown(console)
    assert "7/9" in shown(console)


def test_bytes_are_shown_in_units_that_people_read(console):
    with ProgressBar(
        "Fetching", 8 * 10**9, delay=0, console=console, unit="bytes"
    ) as b:
        b.advance(2 * 10**9)
    assert "2.0/8.0 GB" in shown(console)


def test_a_bar_that_is_not_wanted_is_not_shown(console):
    with ProgressBar("Reading", 9, enabled=False, delay=0, console=console) as bar:
        bar.advance(9)
    assert shown(console) == ""


def test_the_bar_goes_to_stderr_where_bars_are_shown(capsys):
    with showing_progress(), ProgressBar("Reading", 2, delay=0) as bar:
        bar.advance(2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "2/2" in captured.err
    with ProgressBar("Reading", 2, delay=0) as bar:
        bar.advance(2)
    assert capsys.readouterr() == ("", "")


def test_track_passes_every_item_on_and_counts_it(monkeypatch):
    bars = []

    class Recorder(ProgressBar):
        def __enter__(self):
            bars.append(self)
            return super().__enter__()

    monkeypatch.setattr("keras_wa.progress.ProgressBar", Recorder)
    assert list(track("abc", "Spelling")) == ["a", "b", "c"]
    assert list(track(iter("abcd"), "Spelling", total=4)) == ["a", "b", "c", "d"]
    assert list(track(iter("ab"), "Spelling")) == ["a", "b"]
    assert [(bar.done, bar.total) for bar in bars] == [(3, 3), (4, 4), (2, None)]
