"""In a real browser: no number of a forest plot stands on one of its lines."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import Browser

from keras_wa.evaluate.pages import Forest, Row, forest, render
from tests.server.browser import NEEDS_CHROMIUM, opened, running_chromium

pytestmark = NEEDS_CHROMIUM

LONG = "A subgroup with a name that is cut after its first 44 letters"
PLOTS = {
    "near one": forest(
        "AUC",
        [
            Row("all", 0.996, 0.99, 1.0),
            Row(LONG, 1.0, 0.999, 1.0, "density"),
            Row("C", None, None, None, "density", "one class only"),
        ],
        reference=0.995,
    ),
    "near the left end": forest(
        "AUC",
        [Row(LONG, 0.402, 0.4, 0.41), Row("low", 0.4, 0.0, 0.43, note="8 patients")],
        reference=0.5,
    ),
    "differences": forest(
        "Difference",
        [Row("a - b", -0.05, -0.08, -0.049), Row("c - d", 0.06, 0.049, 0.061)],
        reference=0.0,
        start=-0.05,
        end=0.05,
    ),
}

FIND = """() => {
    const boxes = (selector) => [...document.querySelectorAll(selector)].map((each) => {
        const { left, top, right, bottom } = each.getBoundingClientRect();
        return [left, top, right, bottom];
    });
    return {
        lines: boxes("svg line, svg circle"),
        numbers: boxes(".numbers text"),
        names: boxes(".axes text:not([text-anchor])"),
        ticks: boxes(".axes text[text-anchor]"),
        column: boxes(".numbers")[0],
        wide: document.documentElement.scrollWidth,
    };
}"""


@pytest.fixture(scope="module")
def browser():
    with running_chromium() as started:
        yield started


def meet(one: list[float], other: list[float]) -> bool:
    return (
        one[0] < other[2]
        and other[0] < one[2]
        and one[1] < other[3]
        and other[1] < one[3]
    )


@pytest.mark.parametrize("width", [1280, 700, 360])
@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_no_number_stands_on_a_line_or_on_another_text(
    browser: Browser, tmp_path: Path, plot: Forest, width: int
) -> None:
    page = tmp_path / "page.html"
    text = render("tests.evaluate.pages", "plot.html.j2", macro="forest", plot=plot)
    page.write_text(text, encoding="utf-8")
    screen = {"width": width, "height": 800}
    with opened(browser, page.as_uri(), viewport=screen) as (shown, seen):
        found = shown.evaluate(FIND)
        ends = shown.locator(".numbers .wide").first.is_visible()
    assert len(found["numbers"]) == len(plot.marks)
    assert ends == (width > 500)
    for number in found["numbers"]:
        for kind in ("lines", "names", "ticks"):
            assert not any(meet(number, each) for each in found[kind]), kind
        assert number[0] >= found["column"][0]
    assert found["wide"] <= width
    assert seen.complaints == []
