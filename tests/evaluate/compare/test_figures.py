"""Training curves of a comparison."""

from __future__ import annotations

from pathlib import Path

import cv2
import pandas as pd
import pytest

from keras_wa.evaluate.compare.figures import (
    CURVES,
    draw_curves,
    mean_curve,
    write_curves,
)
from keras_wa.evaluate.compare.results import RunResult
from keras_wa.training.config import TrainConfig


def result(seed: int, losses: list[float]) -> RunResult:
    history = pd.DataFrame({"epoch": range(1, len(losses) + 1)})
    for column in CURVES:
        history[column] = losses
    return RunResult(
        Path("run"),
        TrainConfig(seed=seed),
        "0" * 12,
        "official",
        None,
        pd.DataFrame(),
        history,
        [],
        "a GPU",
    )


def test_a_curve_is_the_mean_and_the_extremes_of_the_seeds() -> None:
    curve = mean_curve([result(0, [0.6, 0.4]), result(1, [0.8, 0.5])], "loss")
    expected = pd.DataFrame(
        {"mean": [0.7, 0.45], "low": [0.6, 0.4], "high": [0.8, 0.5]},
        index=pd.Index([1, 2], name="epoch"),
    )
    pd.testing.assert_frame_equal(curve, expected)


def test_the_picture_of_many_systems_is_drawn(tmp_path: Path) -> None:
    systems = {f"system {i}": [result(0, [0.5, 0.1 * i])] for i in range(12)}
    path = write_curves(systems, tmp_path / "curves.png")
    picture = cv2.imread(str(path))
    assert picture.shape[0] > 600
    assert [each.name for each in tmp_path.iterdir()] == ["curves.png"]


@pytest.mark.parametrize(("length", "columns"), [(10, 3), (40, 2), (90, 1)])
def test_the_legend_has_as_many_columns_as_fit(length: int, columns: int) -> None:
    names = [f"{i:x<{length}}" for i in range(6)]
    figure = draw_curves({name: [result(0, [0.5, 0.4])] for name in names})
    (legend,) = figure.legends
    assert legend._ncols == columns
    box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width
