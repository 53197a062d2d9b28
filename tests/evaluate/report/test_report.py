"""The page opens offline, escapes what it shows, and has all numbers as text."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import pytest

from keras_wa.evaluate import SUBGROUP_COLUMNS, TITLES
from keras_wa.evaluate.report import curves
from keras_wa.evaluate.report.mistakes import Mistake, Mistakes, small
from keras_wa.evaluate.text import estimate
from keras_wa.metrics.classification import METRIC_NAMES
from tests.evaluate.pages.html import SVG, cells_of, parse, parse_page, text_of
from tests.evaluate.report.records import HOSTILE, mistakes, page, results, table


@pytest.fixture(scope="module")
def found():
    return results(notes=[HOSTILE])


@pytest.fixture(scope="module")
def text(found):
    return page(found)


@pytest.fixture(scope="module")
def tree(text):
    return parse_page(text)


def test_the_same_evaluation_gives_the_same_bytes(text, found):
    assert page(found) == text
    # Only pictures that are there are explained.
    assert "in LH, HL and HH grey is zero" not in text
    assert "Grad-CAM: bright areas" not in text
    assert "There are no heat maps." in text


def test_names_cannot_become_markup(tree):
    cells, lines = cells_of(tree), {text_of(each) for each in tree.iter("dd")}
    # A value of a subgroup, a ROI, a setting and a word of the command line.
    assert f"morphology: {HOSTILE}" in cells
    assert any(text_of(each) == HOSTILE for each in tree.iter("h4"))
    assert {HOSTILE, f"train.py {HOSTILE}"} <= lines


def test_what_is_left_out_says_why_or_has_no_section():
    found = results(subgroups=[])
    found["levels"]["image"] = {"left_out": "the table has no column 'breast'"}
    tree = parse_page(page(found))
    sentences = {text_of(each) for each in tree.iter("p")}
    assert "By image: not done, the table has no column 'breast'." in sentences
    assert not any(each.get("id") == "subgroups" for each in tree.iter())


def test_the_verdict_and_the_warnings_come_first(tree):
    parts = list(tree.find(".//main"))
    assert [each.tag for each in parts[:4]] == ["h1", "p", "p", "section"]
    assert text_of(parts[1]).startswith("On 60 ROIs of ")
    assert "warning" in parts[1].get("class")
    assert text_of(parts[3].find(".//li")) == HOSTILE


def test_the_heading_names_the_lesion_where_it_is_a_level(found, text, tree):
    (heading,) = [each for each in tree.iter("h2") if each.get("id") == "results"]
    assert text_of(heading) == "Results by ROI, image, lesion, breast and patient"
    fused = "The ROIs of a lesion are fused and have one probability."
    assert fused not in text
    assert fused in page(found, views="two")


def test_every_metric_stands_in_the_table_of_levels(found, tree):
    cells = cells_of(tree)
    for level in found["levels"].values():
        for name in METRIC_NAMES:
            assert estimate(level["metrics"][name]) in cells
            assert TITLES[name] in cells


def test_every_plotted_number_stands_in_a_table(found, tree):
    cells = cells_of(tree)
    plots = curves.plots(found, table())
    for plot in plots:
        for series in plot.series:
            for column in (series.x, series.y):
                assert {f"{number:.4g}" for number in np.asarray(column)} <= cells
    for group in found["subgroups"]:
        auc = group["auc"]
        if auc["value"] is not None:
            assert estimate(auc) in cells
    titles = {each.text for each in tree.iter(f"{SVG}title")}
    assert {plot.title for plot in plots} < titles


def test_the_coverage_of_the_prediction_sets_stands_in_a_table(found, tree):
    cells = cells_of(tree)
    for group in found["prediction_sets"]["measured"]:
        for name in ("benign", "malignant", "indeterminate"):
            assert estimate(group[name]) in cells
    titles = {each.text for each in tree.iter(f"{SVG}title")}
    assert "Selective classification" in titles


def test_subgroups_of_one_class_are_in_the_table_with_the_reason(found, tree):
    single = [g for g in found["subgroups"] if g["auc"]["value"] is None]
    assert single
    cells = cells_of(tree)
    for group in single:
        assert {f"{group['column']}: {group['value']}", group["reason"]} <= cells
    sentence = f"{len(single)} of {len(found['subgroups'])} subgroups are of one class"
    assert any(sentence in text_of(each) for each in tree.iter("p"))


def test_pictures_are_those_of_the_mistakes_and_have_a_text(tree):
    pictures = list(tree.iter("img"))
    assert len(pictures) == 8
    data = base64.b64decode(pictures[0].get("src").partition(",")[2])
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(decoded, mistakes().missed[0].pictures["ROI"])
    assert pictures[2].get("alt") == f"ROI of {HOSTILE}"


def test_one_class_has_no_curves_but_a_page():
    benign = table().query("label == 0").drop(columns=[*SUBGROUP_COLUMNS])
    tree = parse(page(results(benign), benign, Mistakes([], [])))
    assert "cannot be measured" in text_of(tree.find(".//p[@class]"))
    titles = [each.text for each in tree.iter(f"{SVG}title")]
    assert titles[:2] == ["Reliability", "Decision curve"]
    assert list(tree.iter("img")) == []


def test_three_classes_have_a_table_of_their_own():
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1, 1, 1], 60)
    three = table().drop(columns=[*SUBGROUP_COLUMNS])
    three = three.assign(p_0=p[:, 0], p_1=p[:, 1], p_2=p[:, 2])
    three["class"] = np.where(three["label"] == 1, 2, rng.integers(2, size=60))
    found = results(three)
    cells = cells_of(parse(page(found, three)))
    assert estimate(found["three_class"]["sensitivity"][2]) in cells
    assert {"class 0", "called 2"} <= cells


def test_it_is_light_enough_to_be_sent_with_pictures_that_do_not_compress():
    rng = np.random.default_rng(0)
    pictures = {
        title: small(rng.integers(0, 256, shape, dtype=np.uint8))
        for title, shape in {
            "ROI": (224, 224),
            "LL LH / HL HH": (224, 224),
            "Grad-CAM": (224, 224, 3),
        }.items()
    }
    heavy = [Mistake("a", "p", 1, 0.1, {}, pictures)] * 4
    text = page(shown=Mistakes(heavy, heavy))
    assert len(text.encode()) < 3_000_000
