"""The bar counts what is done and stays away from what is quick."""

from __future__ import annotations

import pytest

from keras_wa import progress
from keras_wa.progress import ProgressBar, showing_progress, track


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any work is slow work."""
    monkeypatch.setattr(progress, "_DELAY_S", 0)


def test_quick_work_shows_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with showing_progress(), ProgressBar("Reading", 3) as bar:
        bar.advance(3)
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("at_once")
def test_slow_work_shows_what_is_done_of_how_much_on_stderr_where_bars_are_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with showing_progress(), ProgressBar("Reading", 9) as bar:
        bar.advance(4)
        bar.advance(3)
    assert bar.done == 7
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Reading" in captured.err
    assert "7/9" in captured.err
    with ProgressBar("Reading", 2) as bar:
        bar.advance(2)
    with showing_progress(), ProgressBar("Reading", 2, enabled=False) as bar:
        bar.advance(2)
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("at_once")
def test_bytes_are_shown_in_units_that_people_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with showing_progress(), ProgressBar("Fetching", 8 * 10**9, unit="bytes") as bar:
        bar.advance(2 * 10**9)
    assert "2.0/8.0 GB" in capsys.readouterr().err


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("items", "total", "shown"),
    [("abc", None, "3/3"), (iter("abcd"), 4, "4/4"), (iter("ab"), None, "2/?")],
)
def test_track_passes_every_item_on_and_counts_it(
    capsys: pytest.CaptureFixture[str], items: object, total: int | None, shown: str
) -> None:
    with showing_progress():
        found = list(track(items, "Spelling", total))
    assert found == list("abcd")[: len(found)]
    assert str(len(found)) == shown[0]
    assert shown in capsys.readouterr().err
