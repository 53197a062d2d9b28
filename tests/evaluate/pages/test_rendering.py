"""A page shows what it is given, escaped, in one file."""

from __future__ import annotations

import base64
import re

import cv2
import jinja2
import numpy as np
import pytest

from keras_wa.evaluate import pages
from keras_wa.evaluate.pages.rendering import environment_of
from keras_wa.evaluate.pages.svg import slug
from tests.evaluate.pages.html import parse, text_of

HOSTILE = '<script>alert("ä & 乳")</script>'


def base(**context: str) -> str:
    return pages.render("keras_wa.evaluate.pages", "base.html.j2", **context)


def test_the_frame_is_valid_html_with_a_link_past_what_stands_before_the_content():
    tree = parse(base())
    first = next(tree.iter("a"))
    assert first.get("href") == "#content"
    assert tree.find(".//main").get("id") == "content"


def test_what_a_page_loads_by_mistake_is_refused():
    (policy,) = (e for e in parse(base()).iter("meta") if e.get("http-equiv"))
    assert policy.get("content").startswith("default-src 'none'; img-src data:;")


def parts():
    environment = environment_of("keras_wa.evaluate.pages")
    return environment.get_template("parts.html.j2").make_module()


def test_a_table_escapes_its_cells():
    text = parts().table(HOSTILE, ["a", HOSTILE], [[HOSTILE, 1.5]])
    assert "<script" not in text
    tree = parse(f"<!DOCTYPE html><title>x</title>{text}")
    assert [text_of(e) for e in tree.iter("th")] == ["a", HOSTILE, HOSTILE]
    assert next(tree.iter("td")).get("class") == "n"


def test_numbers_are_flush_right_and_words_may_wrap():
    text = parts().table("t", ["a", "how", "n"], [[1, 2, 3]], ["how"])
    tree = parse(f"<!DOCTYPE html><title>x</title>{text}")
    assert [e.get("class") for e in tree.iter("td")] == ["how", "n"]


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_a_picture_keeps_every_pixel(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    data = base64.b64decode(pages.data_uri(image).partition(",")[2])
    flag = cv2.IMREAD_GRAYSCALE if len(shape) == 2 else cv2.IMREAD_COLOR_RGB
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    np.testing.assert_array_equal(decoded, image)


def test_a_page_replaces_an_older_one_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "page.html"
    for text in ("old", "ä 乳"):
        pages.write_page(text, path)
    assert path.read_text(encoding="utf-8") == "ä 乳"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_that_is_missing_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        pages.render("keras_wa.evaluate.audit", "audit.html.j2")


def test_an_id_holds_letters_digits_and_dashes_alone():
    assert slug("ROC curve (test)") == "roc-curve-test"
    assert re.fullmatch(r"[a-z0-9-]+", slug(HOSTILE))


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    full = colour if len(colour) == 7 else "#" + "".join(2 * c for c in colour[1:])
    parts = [int(full[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
    ]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_stand_out_as_wcag_aa_asks(scheme):
    block = re.findall(r":root \{(.*?)\}", base(), re.S)[scheme]
    colours = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{3,6})", block))
    for ground in ("page", "card"):
        for name in set(colours) - {"page", "card", "line"}:
            low, high = sorted(luminance(colours[each]) for each in (name, ground))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (name, ground)
