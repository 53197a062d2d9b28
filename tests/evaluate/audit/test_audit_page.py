"""The page opens offline, escapes what it shows, and has all numbers as text."""

from __future__ import annotations

import base64
import dataclasses

import cv2
import numpy as np
import pytest

from keras_wa.evaluate.audit.audit_page import forest, render_page, write_page
from keras_wa.evaluate.audit.findings import CheckResult
from tests.evaluate.audit.reports import HOSTILE, images, report
from tests.evaluate.pages.html import SVG, cells_of, parse_page, text_of


@pytest.fixture(scope="module")
def page() -> str:
    return render_page(report(), images())


@pytest.fixture(scope="module")
def tree(page):
    return parse_page(page)


def test_the_verdict_is_at_the_top_and_names_are_no_markup(tree):
    assert tree.find(".//h1").text == "Audit of mine"
    verdict = next(e for e in tree.iter("p") if "verdict" in e.get("class", ""))
    assert text_of(verdict).startswith("error A result on this data set")
    assert any(HOSTILE in text_of(each) for each in tree.iter("figcaption"))


def test_a_group_says_what_differs_in_it_and_the_others_are_counted(page):
    many = "; ".join(("identical", "1 part", "<strong>2 patients</strong>"))
    assert f"{many}; <strong>2 labels</strong>; 2 ROIs" in page
    assert "14 groups of images that show the same; the first 12 are shown" in page
    assert "7 ROIs, of which 6 are shown" in page


def test_every_number_of_a_plot_stands_in_a_table(tree):
    plots = [forest(report(), measure) for measure in ("auc", "accuracy")]
    numbers = {str(row.estimate) for plot in plots for row in plot.rows}
    assert numbers <= cells_of(tree)
    titles = [each.text for each in tree.iter(f"{SVG}title")]
    assert titles == ["AUC", "Accuracy"]
    described = [each.text for each in tree.iter(f"{SVG}desc")]
    assert "type + distribution 0.741 [0.655, 0.814]" in described[0]
    assert {row.group for row in plots[0].rows} == {"metadata"}
    assert [plot.reference for plot in plots] == [0.5, None]


def test_a_table_has_no_empty_column_and_settings_are_in_words():
    (plain,) = (each for each in report().findings if each.check == "metadata")
    accuracies = [each for each in plain.scores if each.auc is None]
    finding = dataclasses.replace(plain, scores=accuracies)
    settings = {"limit": None, "phantom": {"seed": 1, "size": 64}}
    findings = [report().findings[1], finding]
    other = dataclasses.replace(report(), findings=findings, settings=settings)
    text = render_page(other, None)
    assert "accuracy [95 %]" in text
    assert "AUC [95 %]" not in text
    assert "<dd>none</dd>" in text
    assert "<dd>seed 1, size 64</dd>" in text


def test_pictures_are_those_of_the_images_and_have_a_text(tree):
    pictures = list(tree.iter("img"))
    # Twelve groups with two pictures each.
    assert len(pictures) == 24
    data = base64.b64decode(pictures[0].get("src").split(",")[1])
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(decoded, images()[0])
    assert all(each.get("alt") for each in pictures)


def test_without_scores_and_images_the_page_is_shorter(tmp_path):
    plain = dataclasses.replace(
        report(), findings=[CheckResult("a", "A", "ok", "Fine.")]
    )
    write_page(plain, None, tmp_path / "audit.html")
    text = (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert "<svg" not in text
    assert "<img" not in text
    assert [path.name for path in tmp_path.iterdir()] == ["audit.html"]
