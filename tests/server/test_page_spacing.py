"""In a real browser: the pixel spacing, stated by the file, entered or chosen."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import Browser, Route, expect

from keras_wa.data.readers.cbis_ddsm.stated_spacing import ASSUMED_MM
from tests.server.browser import NEEDS_CHROMIUM, mammogram, opened, record, said

pytestmark = NEEDS_CHROMIUM

UNSPACED = mammogram(spacing_mm=None)


@pytest.mark.parametrize("typed", ["0.1", "0,1"])
def test_enter_in_the_field_searches(
    browser: Browser, address: str, typed: str
) -> None:
    with opened(browser, address) as (page, seen):
        page.set_input_files("#file", UNSPACED)
        said(page, "unknown size in mm. Enter the pixel spacing, or draw a box")
        page.get_by_label("Pixel spacing, mm").focus()
        page.keyboard.type(typed)
        said(page, "^Click a place, or find candidates")
        page.keyboard.press("Enter")
        said(page, "^1 candidate;")
        page.click("#candidates button")
        said(page, "Probability")
        found = record(page)
        assert (found["pixel_spacing_mm"], found["spacing_from"]) == (0.1, "option")
        notes = page.locator("#notes")
        expect(notes).to_contain_text("Pixel spacing: 0.1 mm (as entered).")
        assert seen.complaints == []


def test_a_film_of_cbis_ddsm_is_a_choice(browser: Browser, address: str) -> None:
    with opened(browser, address) as (page, _):
        page.set_input_files("#file", UNSPACED)
        said(page, "Enter the pixel spacing")
        field, choice = page.locator("#spacing"), page.locator("#choice")
        page.get_by_role("combobox", name="Pixel spacing of").focus()
        page.keyboard.press("ArrowDown")
        expect(field).to_have_value(f"{ASSUMED_MM:g}")
        expect(choice.locator("option:checked")).to_have_text(
            f"CBIS-DDSM film ({ASSUMED_MM:g} mm)"
        )
        said(page, "^Click a place")
        field.fill("0.05")
        expect(choice.locator("option:checked")).to_have_text("enter…")
        choice.select_option(label=f"CBIS-DDSM film ({ASSUMED_MM:g} mm)")
        choice.select_option(label="enter…")
        expect(field).to_have_value("")
        expect(field).to_be_focused()
        said(page, "^Enter the pixel spacing, or draw a box")


def test_without_a_spacing_none_but_a_box_is_asked_about(
    browser: Browser, address: str
) -> None:
    with opened(browser, address) as (page, seen):
        page.set_input_files("#file", UNSPACED)
        said(page, "Enter the pixel spacing")
        asked = len(seen.fetched)
        page.click("#search")
        said(page, r"^Enter the pixel spacing first\.$")
        expect(page.locator("#spacing")).to_be_focused()
        page.click("#image")
        said(page, "^Enter the pixel spacing first, or draw a box round the lesion")
        for wrong in ("70", "0.05 mm", "0"):
            page.fill("#spacing", wrong)
            for button in ("#search", "#whole"):
                page.click(button)
                said(page, f"Received: {wrong}; expected 0.005 to 1 mm")
        assert seen.fetched[asked:] == []
        page.fill("#spacing", "")
        page.click("summary:text('Box in numbers')")
        for name, value in zip(
            ("left", "top", "boxwidth", "boxheight"), (280, 480, 60, 60), strict=True
        ):
            page.fill(f"#{name}", str(value))
        page.click("#numbers button")
        said(page, "Probability")
        assert record(page)["pixel_spacing_mm"] is None
        expect(page.locator("#notes")).to_contain_text("Pixel spacing: unknown.")


def test_what_the_file_states_is_shown_with_its_origin_and_notes(
    browser: Browser, address: str
) -> None:
    note = "magnification: <b>what was done</b>"

    def noted(route: Route) -> None:
        """The service's answer with a note, and others with the same as a warning."""
        answer = route.fetch()
        found: dict[str, Any] = answer.json()
        if "record" in found:
            found["record"]["warnings"].append(note)
        else:
            found["notes"].append(note)
        route.fulfill(response=answer, json=found)

    with opened(browser, address) as (page, _):
        page.route("**/view", noted)
        page.route("**/explain", noted)
        page.set_input_files("#file", mammogram(spacing_mm=0.07))
        said(page, r"pixels of 0\.07 mm \(ImagerPixelSpacing\)\. Click a place")
        words = "Pixel spacing: 0.07 mm (ImagerPixelSpacing)"
        expect(page.locator("#stated")).to_have_text(words)
        expect(page.locator("#entered")).to_be_hidden()
        expect(page.locator("#filenotes li")).to_have_text([note])
        page.click("#image")
        said(page, "Probability")
        expect(page.locator("#notes")).to_contain_text(f"{words}.")
        # What is unusual about the file is not what the model does not know.
        assert note in record(page)["warnings"]
        assert note not in page.locator("#warnings").inner_text()
        page.unroute("**/view")
        page.set_input_files("#file", UNSPACED)
        said(page, "unknown size")
        expect(page.locator("#stated")).to_be_hidden()
        expect(page.locator("#filenotes li")).to_have_count(0)
