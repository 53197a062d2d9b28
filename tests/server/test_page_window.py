"""In a real browser: the grey levels that an image is shown with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("playwright")
from playwright.sync_api import Browser, Page, expect

from tests.data.io.dicom_files import decode, dicom_bytes, dicom_dataset
from tests.server.browser import NEEDS_CHROMIUM, opened, said, upload
from tests.server.clients import smooth

pytestmark = NEEDS_CHROMIUM


def grey_at(page: Page, x: int, y: int) -> int:
    """Red of the canvas at a pixel of an image that is shown as it is."""
    found = page.evaluate(
        """([x, y]) => {
            const canvas = document.getElementById("image");
            const scale = canvas.height / 1100;
            const left = (canvas.width - 1000 * scale) / 2;
            const at = [left + scale * (x + 0.5), scale * (y + 0.5), 1, 1];
            return canvas.getContext("2d").getImageData(...at.map(Math.floor)).data[0];
        }""",
        [x, y],
    )
    return int(found)


def test_the_window_is_the_models_until_it_is_moved(
    browser: Browser, address: str
) -> None:
    center, width = 32768, 60000
    # Even in the neighbourhood, so that scaling does not matter.
    pixels = np.kron(smooth(11, 10), np.ones((100, 100))).astype("uint16") * 256
    fields = {"WindowCenter": center, "WindowWidth": width}
    data = dicom_bytes(dicom_dataset(pixels, **fields))

    def window(value: float, center: float, width: float) -> float:
        return float(np.clip(255 * ((value - center) / width + 0.5), 0, 255))

    large = {"width": 1400, "height": 1700}
    with opened(browser, address, viewport=large) as (page, _):
        page.set_input_files("#file", upload("flat.dcm", data))
        said(page, "unknown size in mm. Enter the pixel spacing")
        page.mouse.move(0, 0)
        places = [(50 + 100 * i, 50 + 100 * j) for i, j in ((1, 2), (7, 3), (4, 9))]
        for x, y in places:
            wanted = window(float(pixels[y, x]), center, width)
            assert abs(grey_at(page, x, y) - wanted) <= 1.5
        level, span = int(pixels.mean()), int(np.ptp(pixels))
        page.locator("#center").fill(str(level))
        page.locator("#width").fill(str(span))
        expect(page.locator("#asmodel")).to_be_enabled()
        for x, y in places:
            wanted = window(float(pixels[y, x]), level, span)
            assert abs(grey_at(page, x, y) - wanted) <= 1.5
        page.check("#invert")
        assert abs(grey_at(page, x, y) - (255 - wanted)) <= 1.5
        page.click("#asmodel")
        wanted = window(float(pixels[y, x]), center, width)
        assert abs(grey_at(page, x, y) - wanted) <= 1.5


@pytest.mark.parametrize(
    ("stored", "fields"),
    [
        (np.arange(50, 201, dtype="uint8"), {}),
        (np.arange(-900, 3000, dtype="int16"), {"WindowCenter": 1, "WindowWidth": 999}),
        (np.arange(0, 4096, dtype="uint16"), {"PixelPaddingValue": 0}),
    ],
    ids=["no window", "window", "padding"],
)
@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
def test_the_first_touch_of_the_window_changes_nothing(
    browser: Browser, address: str, stored: Any, fields: dict[str, Any], kind: str
) -> None:
    dataset = dicom_dataset(stored[None], PhotometricInterpretation=kind, **fields)
    levels = decode(dataset)[0]
    with opened(browser, address) as (page, _):
        found = page.evaluate(
            """async ([levels, least, greatest]) => {
                const { windowOf, windowed } = await import("/levels.js");
                return [...windowed(windowOf(levels, least), least, greatest)];
            }""",
            [levels.tolist(), int(stored[0]), int(stored[-1])],
        )
    differ = np.abs(np.array(found) - levels)
    if "PixelPaddingValue" in fields:
        # Black as the air, whatever the window is.
        differ[0] = 0
    assert differ.max() <= 1
