"""Training curves of a comparison."""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from keras_wa.evaluate.compare.run_results import RunResult
from keras_wa.evaluate.compare.training_curves import (
    CURVES,
    curve_plots,
    draw_curves,
    mean_curve,
)
from keras_wa.evaluate.pages import to_png
from tests.evaluate.compare.test_summary import result as run_result


def result(seed: int, losses: list[float]) -> RunResult:
    epochs = {"epoch": range(1, len(losses) + 1), **dict.fromkeys(CURVES, losses)}
    return run_result(seed, history=pd.DataFrame(epochs))


def test_a_curve_is_the_mean_and_the_extremes_of_the_seeds():
    curve = mean_curve([result(0, [0.6, 0.4]), result(1, [0.8, 0.5])], "loss")
    expected = pd.DataFrame(
        {"mean": [0.7, 0.45], "low": [0.6, 0.4], "high": [0.8, 0.5]},
        index=pd.Index([1, 2], name="epoch"),
    )
    pd.testing.assert_frame_equal(curve, expected)


def test_a_band_over_the_seeds_is_drawn_where_there_are_several():
    runs = [result(0, [0.6, 0.4]), result(1, [0.8, 0.5])]
    many, one = curve_plots("a", {"many": runs, "one": runs[:1]})[0].series
    np.testing.assert_array_equal(many.high, [0.8, 0.5])
    assert one.low is None


@pytest.mark.parametrize(("length", "columns"), [(10, 3), (40, 2), (90, 2)])
def test_the_legend_has_as_many_columns_as_fit(length, columns):
    systems = {f"{i:x<{length}}": [result(0, [0.5, 0.1 * i])] for i in range(12)}
    figure = draw_curves(curve_plots("official", systems))
    assert len(figure.axes) == 4
    assert pixels(figure).shape[:2] == (800, 1100)
    (legend,) = figure.legends
    assert legend._ncols == columns
    box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width


def pixels(figure: Figure) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(to_png(figure), np.uint8), cv2.IMREAD_COLOR)
