"""In a real browser: plots fit the page, and their texts fit the plots."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright")

from tests.evaluate.pages.test_plots import FOREST, LINES, page
from tests.server.browser import NEEDS_CHROMIUM, opened, running_chromium

pytestmark = NEEDS_CHROMIUM

FIND = """() => [...document.querySelectorAll("figure svg")].map((drawing) =>
    [drawing, ...drawing.querySelectorAll("text")].map((each) => {
        const { left, top, right, bottom } = each.getBoundingClientRect();
        return [left, top, right, bottom];
    }))"""


@pytest.fixture(scope="module")
def browser():
    with running_chromium() as started:
        yield started


@pytest.mark.parametrize("width", [1280, 360])
def test_every_text_of_a_plot_lies_in_it(browser, tmp_path, width):
    file = tmp_path / "page.html"
    file.write_text(page(LINES, FOREST), encoding="utf-8")
    screen = {"width": width, "height": 800}
    with opened(browser, file.as_uri(), viewport=screen) as (shown, seen):
        found = shown.evaluate(FIND)
        wide = shown.evaluate("document.documentElement.scrollWidth")
    assert len(found) == 2
    for (left, top, right, bottom), *texts in found:
        assert right - left > 0.4 * width
        for text in texts:
            assert left <= text[0] < text[2] <= right
            assert top <= text[1] < text[3] <= bottom
    assert wide <= width
    assert seen.complaints == []
