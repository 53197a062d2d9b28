"""Squeeze-and-excitation gates by class."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from keras_wa.files import replacing
from keras_wa.layers.gate_reader import GateReader

GATE_COLUMNS = ("layer", "channel", "label", "mean", "sd", "n")
_CLASSES = {0: ("benign", "tab:blue"), 1: ("malignant", "tab:red")}
_COLUMNS = 4


def gate_profiles(
    model: keras.Model,
    images: NDArray[np.float32],
    labels: ArrayLike,
    batch_size: int = 32,
) -> pd.DataFrame:
    """Computes mean and standard deviation of each gate by class.

    Gates that are equal for both classes and vary little are constant weights of
    channels, not attention.

    Args:
        model: a flat functional model.
        images: inputs of the model, float32 `(n, h, w, channels)`.
        labels: `(n,)`, 0 benign, 1 malignant.
        batch_size: number of images per batch.

    Returns:
        One row for each `SqueezeExcite` layer (from input to output), channel and
        class with ROIs, with the columns `GATE_COLUMNS`: `mean` and `sd` of the gate,
        `sd` NaN for a single ROI; `n` ROIs. No rows if the model has no gates.

    Source:
        Hu, Shen & Sun 2018, "Squeeze-and-Excitation Networks", section 7.2.
    """
    reader = GateReader(model)
    if not reader.layers:
        return pd.DataFrame(columns=list(GATE_COLUMNS))
    values: dict[str, list[NDArray[np.float32]]] = {}
    for start in range(0, len(images), batch_size):
        for name, gates in reader(images[start : start + batch_size])[1].items():
            values.setdefault(name, []).append(keras.ops.convert_to_numpy(gates))
    of_class = np.asarray(labels)
    parts = []
    for name, batches in values.items():
        for label in np.unique(of_class):
            chosen = np.concatenate(batches)[of_class == label].astype(np.float64)
            n, channels = chosen.shape
            spread = chosen.std(axis=0, ddof=1) if n > 1 else np.full(channels, np.nan)
            columns = {
                "layer": name,
                "channel": np.arange(channels),
                "label": int(label),
                "mean": chosen.mean(axis=0),
                "sd": spread,
                "n": n,
            }
            parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def write_gate_figure(profiles: pd.DataFrame, path: Path) -> None:
    """Draws one panel per gate layer: means and ± 1 sd of each class.

    Channels are sorted by their mean over the classes, so that differences between
    classes are visible among hundreds of channels.

    Args:
        profiles: result of `gate_profiles`, with at least one row.
        path: the PNG file; it is replaced atomically.
    """
    names = list(profiles["layer"].unique())
    columns = min(_COLUMNS, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(
        figsize=(3.2 * columns + 0.6, 2.3 * rows + 0.8), dpi=100, layout="constrained"
    )
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for panel in axes[len(names) :]:
        panel.remove()
    for panel, name in zip(axes, names, strict=False):
        of_layer = profiles[profiles["layer"] == name]
        means = of_layer.pivot_table(index="channel", columns="label", values="mean")
        order = means.mean(axis=1).sort_values(kind="stable").index
        for label, table in of_layer.groupby("label"):
            title, colour = _CLASSES.get(int(str(label)), (f"class {label}", "black"))
            table = table.set_index("channel").loc[order]
            x, mean = np.arange(len(order)), table["mean"].to_numpy()
            sd = table["sd"].fillna(0).to_numpy()
            panel.fill_between(x, mean - sd, mean + sd, color=colour, alpha=0.25, lw=0)
            panel.plot(x, mean, color=colour, lw=0.8, label=title)
        panel.set_ylim(0, 1.02)
        panel.set_title(name, fontsize=9)
        panel.tick_params(labelsize=7)
    axes[0].legend(fontsize=7)
    figure.suptitle("SE gates: mean ± sd, channels in order of their mean", fontsize=10)
    with replacing(path) as partial:
        figure.savefig(partial)
