"""Numbers are written so that nothing undefined looks like a number."""

from __future__ import annotations

from keras_wa.evaluate.report.words import count, join, percent, share


def test_per_cents():
    assert percent({"value": 0.921, "low": 0.881, "high": 0.956}) == (
        "92.1 % [88.1 to 95.6]"
    )
    assert percent({"value": 1.0, "low": None, "high": None}) == "100.0 %"
    assert share(129, 326) == "39.6 %"
    assert share(0, 0) == "n/a"


def test_counts_and_lists():
    assert [count(n, "ROI") for n in (0, 1, 1872)] == ["0 ROIs", "1 ROI", "1,872 ROIs"]
    assert [join(list(each)) for each in ("", "a", "ab", "abc")] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
