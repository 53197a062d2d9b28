"""In a real browser: nothing that is clicked moves, whatever the page says."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import Browser, Page, Route, expect

from tests.server.browser import (
    NEEDS_CHROMIUM,
    PHONE,
    mammogram,
    opened,
    said,
)

SCREENS = {"desktop": {}, "phone": PHONE}

pytestmark = [
    *NEEDS_CHROMIUM,
    pytest.mark.parametrize("screen", SCREENS.values(), ids=SCREENS),
]


@contextlib.contextmanager
def held(page: Page, path: str) -> Iterator[Callable[[], Route]]:
    """Lets questions at a path of the service wait; gives them one after the other."""
    waiting: list[Route] = []

    def taken() -> Route:
        while not waiting:
            page.wait_for_timeout(10)
        return waiting.pop()

    page.route(f"**/{path}", lambda route: waiting.append(route))
    yield taken
    page.unroute(f"**/{path}")


def places(page: Page, within: str = "header, .look, #ask > form") -> dict[str, Any]:
    """Where each control in some parts of the page is, which is not scrolled then."""
    found = page.evaluate(
        """(within) => (scrollTo(0, 0), Object.fromEntries(
            [...document.querySelectorAll("button, input, select, summary, .button")]
                .filter((each) => each.checkVisibility() && each.closest(within))
                .map((each) => {
                    const { x, y, width, height } = each.getBoundingClientRect();
                    const name = each.id || each.value || each.textContent.trim();
                    return [name, [x, y, width, height]];
                }),
        ))""",
        within,
    )
    return dict(found)


def test_a_click_right_after_typing_is_not_lost(
    browser: Browser, address: str, screen: dict[str, Any]
) -> None:
    with opened(browser, address, **screen) as (page, _):
        page.set_input_files("#file", mammogram(spacing_mm=None))
        said(page, "Enter the pixel spacing")
        # Not every browser scrolls what has the focus back to where it was.
        page.evaluate("document.documentElement.style.overflowAnchor = 'none'")
        page.locator("#spacing").focus()
        page.keyboard.type("0.1")
        button = page.locator("#search")
        # Not at the end of the page, which is scrolled when the page becomes shorter.
        button.evaluate("button => button.scrollIntoView({ block: 'end' })")
        frame = button.bounding_box()
        assert frame is not None
        page.mouse.move(frame["x"] + frame["width"] / 2, frame["y"] + 2)
        page.mouse.down()
        expect(page.locator("#spacing")).not_to_be_focused()
        page.mouse.up()
        said(page, "^1 candidate;")


def test_no_control_moves_whatever_is_said(
    browser: Browser, address: str, screen: dict[str, Any]
) -> None:
    with opened(browser, address, **screen) as (page, _):
        page.set_input_files("#file", mammogram(spacing_mm=None))
        said(page, "Enter the pixel spacing")
        before = places(page)
        assert before.keys() > {"open", "fit", "invert", "search", "whole", "spacing"}

        def check(words: str) -> None:
            said(page, words)
            assert places(page) == before

        page.click("#search")
        check("^Enter the pixel spacing first")
        page.fill("#spacing", "70")
        page.click("#whole")
        check("Received: 70; expected 0.005 to 1 mm")
        page.fill("#spacing", "0.1")
        with held(page, "candidates") as question:
            page.click("#search")
            check("^Looking for clusters")
            question().fulfill(status=422, json={"error": "A long sentence. " * 60})
            check("A long sentence")
            expect(page.locator("#status")).to_have_attribute("tabindex", "0")
            page.click("#search")
            check("^Looking for clusters")
            question().fulfill(status=401, json={"error": "Another token."})
            check("^Another token")
            expect(page.locator("#token")).to_be_focused()
        page.click("#search")
        check("^1 candidate;")
        (candidate,) = places(page, "#candidates").values()
        page.click("#candidates button")
        check("^Probability")
        expect(page.locator("#candidates button")).not_to_have_text("Ask")
        assert list(places(page, "#candidates").values()) == [candidate]
        # Numbers beside the controls: of the pixel under the pointer, and of sliders.
        page.locator("#image").hover()
        expect(page.locator("#under")).not_to_be_empty()
        assert places(page) == before
        slider = places(page, "#opacityline")
        for end in ("min", "max"):
            for name in ("center", "width", "opacity"):
                control = page.locator(f"#{name}")
                control.fill(str(control.get_attribute(end)))
            assert places(page) == before
            assert places(page, "#opacityline") == slider


def test_the_model_s_name_moves_nothing_when_it_comes(
    browser: Browser, address: str, screen: dict[str, Any]
) -> None:
    with opened(browser, "about:blank", **screen) as (page, _):
        with held(page, "about") as question:
            page.goto(address)
            said(page, "Asking about the model")
            before = places(page)
            question().continue_()
        said(page, "^$")
        expect(page.locator("#model")).to_contain_text("trained on phantom")
        assert places(page) == before
