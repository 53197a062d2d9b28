"""In a real browser: an image, a click, an answer."""

from __future__ import annotations

import base64
import dataclasses
import re

import httpx2 as httpx
import numpy as np
import pytest

pytest.importorskip("playwright")
from playwright.sync_api import Browser, Page, expect

from keras_wa.inference.classifier import Classifier
from keras_wa.metrics import PredictionSets
from tests.data.io.dicom_files import dicom_bytes, dicom_dataset
from tests.server.browser import (
    NEEDS_CHROMIUM,
    PHONE,
    listening,
    mammogram,
    opened,
    record,
    said,
    upload,
)
from tests.server.clients import encoded, smooth
from tests.waiting import DEADLINE_S

pytestmark = NEEDS_CHROMIUM


def test_a_dropped_roi_is_asked_about_at_once(browser: Browser, address: str) -> None:
    data = encoded(smooth())
    question = {"files": {"file": data}, "data": {"tta": "8"}}
    wanted = httpx.post(f"{address}predict", **question, timeout=DEADLINE_S).json()
    with opened(browser, address) as (page, seen):
        expect(page.locator("#model")).to_contain_text("trained on phantom")
        expect(page.locator(".research")).to_be_in_viewport()
        # As a file manager drops it.
        page.evaluate(
            """(base64) => {
                const data = Uint8Array.from(atob(base64), (x) => x.charCodeAt(0));
                const moved = new DataTransfer();
                moved.items.add(new File([data], "roi.png"));
                const told = { dataTransfer: moved, bubbles: true, cancelable: true };
                document.body.dispatchEvent(new DragEvent("drop", told));
            }""",
            base64.b64encode(data).decode(),
        )
        said(page, f"Probability of malignancy {wanted['probability']:.3f}")
        expect(page.locator("#probability")).to_have_text(
            f"{wanted['probability']:.3f}"
        )
        decision = "malignant" if wanted["malignant"] else "benign"
        expect(page.locator("#decision")).to_have_text(decision)
        expect(page.locator("#calibration")).to_contain_text("Calibrated on validation")
        warnings = page.locator("#warnings li, #filenotes li")
        expect(warnings).to_have_count(len(wanted["warnings"]))
        expect(page.locator("#notes")).to_contain_text("Not a medical device")
        captions = ["ROI", "after CLAHE", "LL", "LH", "HL", "HH"]
        expect(page.locator("#pictures figcaption")).to_have_text(captions)
        widths = "images => images.map(image => image.naturalWidth)"
        found = page.locator("#seen, #heat, #pictures img").evaluate_all(widths)
        assert found == [32, 32, 32, 32, 16, 16, 16, 16]
        page.locator("#opacity").fill("20")
        expect(page.locator("#heat")).to_have_css("opacity", "0.2")
        assert record(page) == wanted | {"file": "roi.png"}
        assert seen.complaints == []
        every = seen.fetched
        assert {url.split(":")[0] for url in every} <= {"http", "data", "blob"}
        assert all(url.startswith(address) for url in every if url.startswith("http"))


def place_of(page: Page, x: int, y: int) -> tuple[float, float]:
    """Where a pixel of an image is on the page, whose whole height is shown."""
    image = page.locator("#image")
    image.scroll_into_view_if_needed()
    frame = image.bounding_box()
    assert frame is not None
    scale = frame["height"] / 1100
    left = frame["x"] + (frame["width"] - 1000 * scale) / 2
    return left + scale * (x + 0.5), frame["y"] + scale * (y + 0.5)


def test_a_click_and_a_box_ask_about_that_place(browser: Browser, address: str) -> None:
    with opened(browser, address) as (page, seen):
        page.set_input_files("#file", mammogram())
        said(page, r"1000 . 1100 pixels of 0\.1 mm \(ImagerPixelSpacing\)")
        page.mouse.click(*place_of(page, 300, 400))
        said(page, "Probability")
        # 8 mm of 0.1 mm about the middle, to a pixel of the screen.
        window = np.array(record(page)["window"])
        assert list(window[2:]) == [80, 80]
        np.testing.assert_allclose(window[:2] + 40, [300, 400], rtol=0, atol=2)

        page.mouse.move(*place_of(page, 500, 600))
        page.mouse.down()
        page.mouse.move(*place_of(page, 560, 640), steps=3)
        page.mouse.up()
        said(page, "Asking|Probability")
        expect(page.locator("#boxwidth")).not_to_have_value("1")
        said(page, "Probability")
        box = np.array(record(page)["box"])
        np.testing.assert_allclose(box, [500, 600, 60, 40], rtol=0, atol=4)

        page.click("#search")
        said(page, "^1 candidate;")
        ask = page.locator("#candidates button")
        ask.click()
        expect(ask).to_have_text(re.compile(r"^0\.\d\d\d$"))
        left, top, width, height = record(page)["box"]
        assert left <= 300
        assert top <= 500
        assert left + width >= 321
        assert top + height >= 521
        assert seen.complaints == []


def test_keys_do_all_that_the_pointer_does(browser: Browser, address: str) -> None:
    with opened(browser, address) as (page, _):
        page.set_input_files("#file", mammogram())
        said(page, "1000 . 1100")
        image = page.locator("#image")
        image.focus()
        image.press("Enter")
        said(page, "Probability")
        middle = record(page)["box"]
        assert middle == [500, 550, 1, 1]
        image.press("Shift+ArrowRight")
        image.press("ArrowUp")
        image.press("Enter")
        expect(page.locator("#left")).not_to_have_value("500")
        said(page, "Probability")
        box = record(page)["box"]
        assert box[0] > middle[0]
        assert box[1] < middle[1]
        image.press("b")
        for _ in range(2):
            image.press("ArrowRight")
            image.press("ArrowDown")
        image.press("Enter")
        expect(page.locator("#boxwidth")).not_to_have_value("1")
        said(page, "Probability")
        assert record(page)["box"][:2] == box[:2]
        image.press("w")
        expect(page.locator("[value=window]")).to_be_checked()
        before = page.locator("#center").input_value()
        image.press("]")
        assert float(page.locator("#center").input_value()) > float(before)


def test_on_a_phone_in_the_dark_nothing_is_cut_off(
    browser: Browser, address: str
) -> None:
    with opened(browser, address, **PHONE, color_scheme="dark") as (page, _):
        page.set_input_files("#file", mammogram())
        said(page, "1000 . 1100")
        page.locator("#image").tap()
        said(page, "Probability")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360
        expect(page.locator(".research")).to_be_in_viewport()
        expect(page.locator("body")).to_have_css("background-color", "rgb(13, 17, 23)")


def test_what_a_file_says_is_text_and_a_bad_one_is_told(
    browser: Browser, address: str
) -> None:
    evil = "<img src=x id=y>"
    # pydicom would not write it.
    dataset = dicom_dataset(smooth(), Modality="X" * len(evil))
    data = dicom_bytes(dataset).replace(b"X" * len(evil), evil.encode())
    with opened(browser, address) as (page, _):
        page.set_input_files("#file", upload(f"{evil}.dcm", data))
        said(page, r"Modality \(0008,0060\).*<img src=x")
        expect(page.locator("#name")).to_have_text(f"{evil}.dcm")
        assert page.locator("img[src=x]").count() == 0
        raw = dicom_dataset(smooth(), PresentationIntentType="FOR PROCESSING")
        # The second one is not taken because the first one was.
        for name in ("raw.dcm", "other.dcm"):
            page.set_input_files("#file", upload(name, dicom_bytes(raw)))
            said(page, "for_processing")
            page.click("#anyway")
            said(page, "Probability")


def test_a_file_of_more_bits_than_the_training_files_is_opened_when_it_is_asked(
    browser: Browser, classifier: Classifier
) -> None:
    data = encoded(smooth().astype(np.uint16) * 257)
    trained = dataclasses.replace(classifier, bits_stored=12)
    with listening(trained) as place, opened(browser, place) as (page, _):
        page.set_input_files("#file", upload("roi.png", data))
        said(page, "the greatest of 12 bits .* Give bits_stored 16")
        page.click("#anyway")
        said(page, "Probability")


@pytest.mark.parametrize(
    ("limits", "name", "words"),
    [
        ((1.0, 0.0), "both", "Neither class is excluded."),
        ((0.0, 1.0), "none", "Unusual for either class."),
        ((0.0, 0.0), "malignant", "Benign is excluded."),
    ],
)
def test_an_ensemble_shows_its_spread_and_what_is_indeterminate(
    browser: Browser,
    classifier: Classifier,
    limits: tuple[float, float],
    name: str,
    words: str,
) -> None:
    sets = PredictionSets(0.9, *limits, 60, 40)
    assert classifier.decision is not None
    ensemble = dataclasses.replace(
        classifier,
        decision=dataclasses.replace(classifier.decision, prediction_sets=sets),
        serve=lambda rois: {"members": [[[0.4, 0.6], [0.2, 0.8]]] * len(rois)},
    )
    with listening(ensemble) as place, opened(browser, place) as (page, seen):
        page.set_input_files("#file", upload("roi.png", encoded(smooth())))
        said(page, "Probability")
        found = record(page)
        low, high = found["members_low"], found["members_high"]
        assert low < found["probability"] < high
        assert found["prediction_set"] == name
        spread = page.locator("#spread")
        expect(spread).to_contain_text(
            f", {low:.3f} to {high:.3f} over the members of the ensemble;"
        )
        expect(spread).to_contain_text(words)
        badge = page.locator("#indeterminate")
        expect(badge).to_be_visible(visible=name != "malignant")
        assert seen.complaints == []


def test_nothing_of_one_image_is_shown_under_the_name_of_another(
    browser: Browser, address: str
) -> None:
    roi = upload("roi.png", encoded(smooth()))
    with opened(browser, address) as (page, seen):
        page.set_input_files("#file", roi)
        said(page, "Probability")
        asked = len(seen.fetched)
        page.set_input_files("#file", upload("bad.png", encoded(smooth())[:300]))
        said(page, "truncated")
        for gone in ("#result", "#ask", "#tools"):
            expect(page.locator(gone)).to_be_hidden()
        expect(page.locator("#empty")).to_be_visible()
        page.locator("#image").click()
        later = [url.removeprefix(address) for url in seen.fetched[asked:]]
        assert later == ["view"]
        # The first is still being read when the second is chosen.
        page.set_input_files("#file", roi)
        page.set_input_files("#file", mammogram())
        said(page, "1000 . 1100 pixels")
        page.wait_for_timeout(300)
        expect(page.locator("#result")).to_be_hidden()
        expect(page.locator("#name")).to_have_text("film.dcm")


def test_a_token_is_asked_for_and_a_limit_known(
    browser: Browser, classifier: Classifier
) -> None:
    with (
        listening(classifier, token="secret", max_megabytes=0.5) as address,
        opened(browser, address) as (page, _),
    ):
        said(page, "no token or a wrong one")
        for token, words in (("wrong", "no token or a wrong one"), ("secret", "^$")):
            page.fill("#token", token)
            page.click("#tokenform button")
            said(page, words)
        expect(page.locator("#tokenform")).to_be_hidden()
        page.set_input_files("#file", upload("roi.png", encoded(smooth())))
        said(page, "Probability")
        page.set_input_files("#file", mammogram())
        said(page, r"film\.dcm has 2\.1 MiB; the service takes 0\.5")
