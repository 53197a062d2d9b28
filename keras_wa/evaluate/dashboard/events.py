"""Writes event files: as bytes of TensorBoard's own messages, atomically.

TensorFlow's writer would need TensorFlow, also for runs on JAX. tensorboardX 2.6.5
writes different bytes each time, and the HParams of a run into a separate run.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import metadata as layout_metadata
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.pr_curve import metadata as pr_metadata
from tensorboard.plugins.scalar import metadata as scalar_metadata
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util.tensor_util import make_tensor_proto

from keras_wa.evaluate.pages import to_png
from keras_wa.files import replacing

Summary = summary_pb2.Summary

THRESHOLDS = 1001
"""Thresholds of a precision-recall curve: 0, 0.001, ..., 1. TensorBoard's 201 are too
few at the start of training, when all probabilities are near 0.5."""


def scalar(tag: str, value: float, description: str = "") -> Any:
    """Returns a number as a summary."""
    metadata = scalar_metadata.create_summary_metadata("", description)
    metadata.data_class = summary_pb2.DATA_CLASS_SCALAR
    return _summary(tag, metadata, np.float32(value))


def image(tag: str, figure: Figure, description: str = "") -> Any:
    """Returns a figure as a summary."""
    png = to_png(figure)
    # Bytes 16 to 23 of a PNG are its width and height.
    width, height = struct.unpack(">II", png[16:24])
    metadata = image_metadata.create_summary_metadata("", description)
    metadata.data_class = summary_pb2.DATA_CLASS_BLOB_SEQUENCE
    parts = [str(width).encode(), str(height).encode(), png]
    return _summary(tag, metadata, np.array(parts, dtype=object))


def pr_curve(tag: str, curve: NDArray[np.float64], description: str = "") -> Any:
    """Returns the result of `precision_recall` as a summary."""
    metadata = pr_metadata.create_summary_metadata("", description, curve.shape[1])
    metadata.data_class = summary_pb2.DATA_CLASS_TENSOR
    return _summary(tag, metadata, curve.astype(np.float32))


def precision_recall(
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    thresholds: int = THRESHOLDS,
) -> NDArray[np.float64]:
    """Computes precision and recall at evenly spaced thresholds from 0 to 1.

    An ROI is positive if `p >= threshold`. TensorBoard and tensorboardX 2.6.5 compare
    `floor(p * 1000)`: of the probabilities 0, 0.001, ..., 1 they miscount at 144 of the
    1001 thresholds.

    Returns:
        Shape `(6, thresholds)`: true positives, false positives, true negatives, false
        negatives, precision and recall. If nothing is positive, precision is 0, and
        TensorBoard leaves out the point.
    """
    at = np.linspace(0.0, 1.0, thresholds)

    def reaching(values: NDArray[np.float64]) -> NDArray[np.float64]:
        below = np.searchsorted(np.sort(values), at, side="left")
        return (len(values) - below).astype(np.float64)

    tp, fp = (reaching(probabilities[labels == each]) for each in (1, 0))
    fn, tn = (labels == 1).sum() - tp, (labels == 0).sum() - fp
    precision = tp / np.maximum(tp + fp, 1)
    recall = tp / np.maximum(tp + fn, 1)
    return np.stack([tp, fp, tn, fn, precision, recall])


def layout(charts: dict[str, list[str]], category: str) -> Any:
    """Returns the layout of the tab of custom scalars: title -> patterns of tags."""
    drawn = [
        layout_pb2.Chart(title=title, multiline=layout_pb2.MultilineChartContent(tag=t))
        for title, t in charts.items()
    ]
    record = layout_pb2.Layout(
        category=[layout_pb2.Category(title=category, chart=drawn)]
    )
    metadata = layout_metadata.create_summary_metadata()
    metadata.data_class = summary_pb2.DATA_CLASS_TENSOR
    text = np.array(record.SerializeToString(), dtype=object)
    return _summary(layout_metadata.CONFIG_SUMMARY_TAG, metadata, text)


def write_events(
    folder: Path, name: str, entries: Iterable[tuple[int, Any]], time: float
) -> Path:
    """Writes an event file atomically; an older one of this name is replaced.

    Args:
        folder: folder of the TensorBoard run; created if missing.
        name: end of the file name.
        entries: step and summary of each entry.
        time: time of all entries, seconds since 1970, also in the file name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    older = list(folder.glob(f"events.out.tfevents.*.{name}"))
    path = folder / f"events.out.tfevents.{int(time)}.{name}"
    with replacing(path) as partial, partial.open("wb") as file:
        writer = RecordWriter(file)
        first = event_pb2.Event(wall_time=time, file_version="brain.Event:2")
        writer.write(first.SerializeToString())
        for step, summary in entries:
            event = event_pb2.Event(wall_time=time, step=step, summary=summary)
            writer.write(event.SerializeToString())
    for file_before in older:
        if file_before != path:
            file_before.unlink(missing_ok=True)
    return path


def _summary(tag: str, metadata: Any, value: Any) -> Any:
    value = Summary.Value(tag=tag, metadata=metadata, tensor=make_tensor_proto(value))
    return Summary(value=[value])
