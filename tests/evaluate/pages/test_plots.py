"""A plot has every number in its place, and as text, told apart without colour."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest

from keras_wa.evaluate.pages import (
    ForestPlot,
    LinePlot,
    Points,
    Row,
    render,
    thin,
    to_png,
)
from keras_wa.metrics import Estimate
from tests.evaluate.pages.html import (
    SVG,
    assert_ids_are_unique,
    assert_loads_nothing,
    cells_of,
    parse,
    text_of,
)

HOSTILE = '<script>alert("ä & 乳 $x_$")</script>'
LONG = "A subgroup with a name that is cut after its first letters, which are many"
X = np.linspace(0, 1, 11)
CURVE = Points("a curve", X, X**2, X**2 - 0.05, X**2 + 0.05)
BINS = Points(HOSTILE, [0.25, 0.5], [0.5, 0.125], [0.4, 0.1], [0.7, 0.2], joined=False)
LINES = LinePlot("A curve", "x [mm]", "y", [CURVE, BINS], "It rises.", diagonal="guess")
NAN = math.nan
ROWS = [
    Row("all", Estimate(0.75, 0.65, 0.83)),
    Row(LONG, Estimate(0.7, 0.55, 1.0), "density"),
    Row(HOSTILE, Estimate(NAN, NAN, NAN), "density", "one class only"),
    Row("CC", Estimate(0.62, 0.21, 0.97), "view", "8 patients"),
    Row("MLO", Estimate(-0.5, NAN, NAN), "view"),
]
FOREST = ForestPlot("AUC in parts", ROWS, reference=0.5)


def page(*plots):
    return render("tests.evaluate.pages", "plot.html.j2", plots=plots)


@pytest.fixture(scope="module")
def text():
    return page(LINES, FOREST)


@pytest.fixture(scope="module")
def tree(text):
    return parse(text)


def test_a_page_of_plots_is_valid_and_loads_nothing(text, tree):
    assert_loads_nothing(text, tree)
    assert_ids_are_unique(tree)
    assert page(LINES, FOREST) == text


def test_plots_have_a_text_alternative(tree):
    drawings = list(tree.iter(f"{SVG}svg"))
    assert [each.get("role") for each in drawings] == ["img", "img"]
    titles = [each.text for each in tree.iter(f"{SVG}title")]
    assert titles == ["A curve", "AUC in parts"]
    lines, forest = (each.text for each in tree.iter(f"{SVG}desc"))
    assert lines == "It rises."
    assert "all 0.750 [0.650, 0.830]; A subgroup" in forest


def test_what_is_drawn_is_text_in_colours_of_the_page(text, tree):
    lines, forest = (
        [text_of(each) for each in drawing.iter(f"{SVG}text")]
        for drawing in tree.iter(f"{SVG}svg")
    )
    assert {"x [mm]", "y", "a curve", HOSTILE, "guess"} <= set(lines)
    numbers = {str(row.estimate) for row in ROWS}
    assert {"AUC in parts", "density", "view", "CC", HOSTILE} | numbers <= set(forest)
    assert "n/a" in numbers
    assert not re.search("#[0-9a-f]{6}", text.partition("</style>")[2])


def test_every_point_of_a_line_plot_stands_in_its_table(tree):
    cells = cells_of(tree)
    for x, y in zip(X, X**2, strict=True):
        interval = f"[{y - 0.05:.4g}, {y + 0.05:.4g}]"
        assert {f"{x:.4g}", f"{y:.4g}", interval} <= cells
    assert {"x [mm]", "y", "95 % interval", "0.125"} <= cells
    plain = LinePlot("p", "x", "y", [Points("a", [1, 2], [3, 4])], "")
    assert plain.columns == ["x", "y"]
    assert plain.tables == [("a", [["1", "3"], ["2", "4"]])]


def test_every_number_of_a_forest_plot_stands_in_its_table(tree):
    names = {"all", f"density: {LONG}", f"density: {HOSTILE}", "view: CC"}
    notes = {"one class only", "8 patients", "n/a"}
    numbers = {str(row.estimate) for row in ROWS}
    assert names | notes | numbers <= cells_of(tree)
    assert "note" not in ForestPlot("AUC", ROWS[:2]).columns


def test_points_bands_and_bars_lie_where_their_numbers_are():
    axes = LINES.draw().axes[0]
    line, bins, _ = axes.lines
    np.testing.assert_array_equal(line.get_xydata(), np.column_stack([X, X**2]))
    np.testing.assert_array_equal(bins.get_xydata(), [[0.25, 0.5], [0.5, 0.125]])
    assert bins.get_linestyle() == "None"
    band, bars = axes.collections
    outline = band.get_paths()[0].vertices
    assert {(1.0, 0.95), (1.0, 1.05)} <= set(map(tuple, outline.round(9)))
    ends = [path.vertices.tolist() for path in bars.get_paths()]
    assert ends == [[[0.25, 0.4], [0.25, 0.7]], [[0.5, 0.1], [0.5, 0.2]]]


def test_intervals_lie_where_their_numbers_are():
    axes = FOREST.draw().axes[0]
    bars = [
        path.vertices[:, 0] for each in axes.collections for path in each.get_paths()
    ]
    expected = [[row.estimate.low, row.estimate.high] for row in ROWS]
    np.testing.assert_array_equal(bars, expected)
    *dots, reference = axes.lines
    values = [float(dot.get_xdata()[0]) for dot in dots]
    np.testing.assert_array_equal(values, [row.estimate.value for row in ROWS])
    filled = [dot.get_markerfacecolor() == dot.get_color() for dot in dots]
    assert filled == [True, True, False, False, True]
    assert list(reference.get_xdata()) == [0.5, 0.5]
    low, high = axes.get_xlim()
    assert low < -0.5
    assert high > 1.0


def test_an_axis_reaches_at_least_as_far_as_is_asked():
    low, high = ForestPlot("AUC", ROWS[:1]).draw().axes[0].get_xlim()
    assert low < 0.4
    assert high > 1.0


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], ROWS[1:4]])
def test_no_text_of_a_forest_plot_meets_another_or_leaves_the_figure(rows):
    figure = ForestPlot(LONG, rows, reference=0.99).draw()
    to_png(figure)
    (axes,) = figure.axes
    low, high = axes.get_xlim()
    ticks = [e for e in axes.get_xticklabels() if low <= e.get_position()[0] <= high]
    texts = [*axes.texts, axes.xaxis.label, *ticks]
    boxes = [each.get_window_extent() for each in texts]
    for box in boxes:
        assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert 0 <= box.y0 < box.y1 <= figure.bbox.y1
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    numbers = [each for each in axes.texts if each.get_text()[-1] in "]a"]
    assert all(e.get_window_extent().x0 > axes.bbox.x1 for e in numbers)


@pytest.mark.parametrize("n", [1, 12])
def test_a_legend_lies_below_the_axis_and_in_the_figure(n):
    many = [Points(f"{i} {LONG}", [0, 1], [i, i + 1]) for i in range(n)]
    figure = LinePlot("p", "x", "y", many, "").draw()
    to_png(figure)
    (legend,), (axes,) = figure.legends, figure.axes
    box, label = legend.get_window_extent(), axes.xaxis.label.get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
    assert 0 <= box.y0 < box.y1 <= label.y0
    assert axes.yaxis.label.get_window_extent().x0 >= 0
    lines = axes.lines
    assert len({(e.get_color(), e.get_marker()) for e in lines}) == n
    dashes = [LinePlot("p", "x", "y", many[:6], "").draw().axes[0].lines]
    looks = {str(each._unscaled_dash_pattern) for each in dashes[0]}
    assert len(looks) == min(n, 6)


def test_a_missing_number_interrupts_a_line_and_a_range_cuts_it_off(tree):
    y = [1, 2, NAN, -9, 5]
    plot = LinePlot("p", "x", "y", [Points("a", range(5), y)], "", y_range=(0, 3))
    axes = plot.draw().axes[0]
    assert axes.get_ylim() == (0, 3)
    svg = next(parse(page(plot)).iter(f"{SVG}svg"))
    clipped = [each for each in svg.iter(f"{SVG}path") if each.get("clip-path")]
    (line,) = (e.get("d") for e in clipped if "stroke-width: 1.5" in e.get("style"))
    assert line.count("M") == 2


def test_thinning_keeps_the_shape_and_the_ends():
    x = np.sort(np.random.default_rng(0).random(5000))
    y = np.round(x**3, 2)
    kept = thin(x, y, 200)
    assert len(kept) <= 200
    assert {kept[0], kept[-1]} == {0, 4999}
    assert np.abs(np.interp(x, x[kept], y[kept]) - y).max() <= 0.02
    assert list(thin([0, 1, 2], [5, 5, 5])) == [0, 1, 2]
