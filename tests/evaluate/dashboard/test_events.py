"""Event files are what TensorBoard itself reads and writes."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from matplotlib.figure import Figure
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.plugins.custom_scalar import layout_pb2

from keras_wa.evaluate.dashboard import events


def entries_of(path):
    """Step and value of each summary in a file."""
    return [
        (event.step, value)
        for event in EventFileLoader(str(path)).Load()
        for value in event.summary.value
    ]


@pytest.fixture
def figure() -> Figure:
    figure = Figure(figsize=(2.05, 1.5))
    figure.add_subplot().plot([1, 2])
    return figure


def test_a_file_is_read_back_by_tensorboard(tmp_path, figure):
    curve = np.arange(18.0).reshape(6, 3)
    written = [
        (3, events.scalar("a", 0.1, "says")),
        (4, events.image("b", figure)),
        (5, events.pr_curve("c", curve)),
        (6, events.layout({"chart": ["^x$", "^y$"]}, "what")),
    ]
    path = events.write_events(tmp_path / "run", "test", written, 1.5e9)
    assert path.name == "events.out.tfevents.1500000000.test"
    (step, a), (_, b), (_, c), (_, d) = entries_of(path)
    assert (step, a.tag, tf.make_ndarray(a.tensor)) == (3, "a", np.float32(0.1))
    assert a.metadata.summary_description == "says"
    width, height, png = tf.make_ndarray(b.tensor)
    picture = tf.io.decode_png(png)
    assert picture.shape[:2] == (int(height), int(width)) == (150, 205)
    np.testing.assert_array_equal(tf.make_ndarray(c.tensor), curve)
    layout = layout_pb2.Layout.FromString(tf.make_ndarray(d.tensor).item())
    assert layout.category[0].chart[0].multiline.tag == ["^x$", "^y$"]
    plugins = [each.metadata.plugin_data.plugin_name for each in (a, b, c, d)]
    assert plugins == ["scalars", "images", "pr_curves", "custom_scalars"]


def test_a_later_file_takes_the_place_of_the_earlier(tmp_path):
    events.write_events(tmp_path, "test", [(0, events.scalar("a", 1))], 1)
    other = events.write_events(tmp_path, "val", [], 1)
    path = events.write_events(tmp_path, "test", [(0, events.scalar("a", 2))], 2)
    assert set(tmp_path.iterdir()) == {path, other}
    ((_, value),) = entries_of(path)
    assert tf.make_ndarray(value.tensor) == 2


def test_the_same_entries_give_the_same_bytes(tmp_path, figure):
    entries = [(0, events.image("b", figure))]
    first, second = (
        events.write_events(tmp_path / name, "x", entries, 7) for name in "ab"
    )
    assert first.read_bytes() == second.read_bytes()
