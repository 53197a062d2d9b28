"""The page of a comparison."""

from __future__ import annotations

import copy

import pytest

from keras_wa.evaluate.compare.comparison_page import render_page, verdict
from tests.evaluate.compare.test_markdown import part, record, system
from tests.evaluate.compare.test_training_curves import result
from tests.evaluate.pages.html import SVG, cells_of, parse_page, text_of

HOSTILE = "<script>alert(1)</script>"


def page_of(found: dict) -> str:
    results = {
        each["split"]: {
            s["name"]: [result(seed, [0.7, 0.5]) for seed in s["seeds"]]
            for s in each["systems"]
        }
        for each in found["splits"]
    }
    return render_page(found, results)


def test_the_page_is_valid_escaped_and_has_every_cell_of_the_tables():
    lesions = part(systems=[system("resnet50", 0.8)])
    parts = [part(failed=[HOSTILE], lesions=lesions), part("random-roi")]
    tree = parse_page(page_of(record(notes=[HOSTILE], splits=parts)))
    # Two forests and four curves a split.
    assert len(list(tree.iter(f"{SVG}svg"))) == 12
    assert text_of(tree).count(HOSTILE) == 2
    assert cells_of(tree) >= {
        "0.750 ± 0.010 [0.700, 0.800]",
        "+0.050 [+0.030, +0.070]",
        "+0.050 [+0.030, +0.070], p 0.020",
        "0.770 [0.720, 0.820]",
        "0.820 [0.770, 0.870]",
        "91.79",
    }


def test_one_system_alone_is_said_to_be():
    alone = part(systems=[system("resnet50", 0.7)])
    assert verdict(alone) == "Only one system: nothing is compared."
    assert "Differences to" not in page_of(record(splits=[alone]))


def test_the_verdict_names_what_is_told_apart():
    worse = system("vgg16", 0.6, 0.7)
    same = system("alexnet", 0.71, 0.7)
    same["differences"]["auc"]["p_holm"] = 0.4
    systems = [*copy.deepcopy(part()["systems"]), worse, same]
    said = verdict(part(systems=systems))
    assert "better than resnet50: wa_resnet50" in said
    assert "worse than resnet50: vgg16" in said
    assert "not distinguishable from it: 1 of 3" in said


@pytest.mark.parametrize("p_value", [None, 0.06])
def test_a_difference_that_is_not_told_from_none_is_not_claimed(p_value):
    other = system("wa_resnet50", 0.75, 0.7)
    other["differences"]["auc"]["p_holm"] = p_value
    said = verdict(part(systems=[system("resnet50", 0.7), other]))
    assert "better" not in said
    assert "not distinguishable from it: 1 of 1" in said
