"""Draws the README's pictures into docs/images: `python docs/pictures.py`.

Phantom ROIs are drawn by `keras_wa.phantom`, CLAHE and subbands computed by
`keras_wa.layers`, shapes read from the model.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from keras_wa.layers import CLAHE, DWT2D
from keras_wa.models import WAResNet50
from keras_wa.phantom import PhantomSpec, phantom_cases, render_roi

IMAGES = Path(__file__).parent / "images"
SPEC = PhantomSpec(seed=0, size=448, field_mm=12.8, conspicuity=3)
SHOWN = (
    ("PLEOMORPHIC", "CLUSTERED"),
    ("FINE_LINEAR_BRANCHING", "LINEAR"),
    ("AMORPHOUS", "CLUSTERED"),
    ("ROUND_AND_REGULAR", "CLUSTERED"),
    ("PUNCTATE", "CLUSTERED"),
    ("DYSTROPHIC", "CLUSTERED"),
)
BLUE, ORANGE, GREY = "#cfe0f3", "#f6c89a", "#e8e8e8"


def main() -> None:
    """Draws both."""
    cases = phantom_cases(SPEC)
    _phantom_rois(cases)
    _network(cases)


def _roi(cases: pd.DataFrame, morphology: str, distribution: str) -> pd.Series:
    """The first such case."""
    fits = (cases["morphology"] == morphology) & (cases["distribution"] == distribution)
    return cases[fits & (cases["subtlety"] >= 3)].iloc[0]


def _phantom_rois(cases: pd.DataFrame) -> None:
    figure = Figure(figsize=(9, 1.95), dpi=110)
    for axes, shown in zip(figure.subplots(1, len(SHOWN)), SHOWN, strict=True):
        row = _roi(cases, *shown)
        _image(axes, render_roi(SPEC, row))
        words = row["morphology"].replace("_", " ").lower()
        axes.set_title(words, fontsize=7.5)
        axes.set_xlabel(str(row["pathology"]).replace("_", " ").lower(), fontsize=7.5)
    figure.subplots_adjust(0.005, 0.09, 0.995, 0.9, wspace=0.03)
    figure.savefig(IMAGES / "phantom-rois.png")


def _network(cases: pd.DataFrame) -> None:
    roi = render_roi(SPEC, _roi(cases, *SHOWN[0]))[None, ..., None]
    clahe = CLAHE()(roi.astype("float32"))
    bands = keras.ops.convert_to_numpy(DWT2D()(clahe))[0]
    model = WAResNet50(input_shape=(SPEC.size, SPEC.size, 1))

    figure = Figure(figsize=(9, 2.7), dpi=110)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, 90)
    axes.set_ylim(0, 27)
    axes.axis("off")

    def arrow(start: float, end: float) -> None:
        axes.annotate(
            "", (end, 14), (start, 14), arrowprops={"arrowstyle": "->", "lw": 1}
        )

    def picture(image: np.ndarray, x: float, y: float, side: float) -> None:
        _image(figure.add_axes((x / 90, y / 27, side / 90, side / 27)), image)

    def box(x: float, width: float, text: str, below: str, colour: str) -> None:
        axes.add_patch(
            FancyBboxPatch(
                (x, 10),
                width,
                8,
                boxstyle="round,pad=0,rounding_size=0.6",
                facecolor=colour,
                edgecolor="#555555",
                lw=0.8,
            )
        )
        axes.text(x + width / 2, 14, text, ha="center", va="center", fontsize=7.5)
        axes.text(x + width / 2, 8.7, below, ha="center", va="top", fontsize=6.5)

    picture(keras.ops.convert_to_numpy(clahe)[0, ..., 0], 1, 8, 12)
    axes.text(7, 21, "ROI, after CLAHE", ha="center", fontsize=7.5)
    axes.text(7, 6.9, _size(model.input_shape), ha="center", va="top", fontsize=6.5)
    arrow(13.4, 16.2)
    for index, name in enumerate(("LL", "LH", "HL", "HH")):
        x, y = 16.6 + index % 2 * 6.2, 14.2 - index // 2 * 6.2
        picture(_stretched(bands[..., index]), x, y, 6)
        axes.text(
            x + 3, y + (6.4 if index < 2 else -1.3), name, ha="center", fontsize=6.5
        )
    axes.text(22.7, 22.8, "DWT (Haar)", ha="center", fontsize=7.5)
    axes.text(
        22.7,
        5.2,
        _size(model.get_layer("dwt").output.shape),
        ha="center",
        va="top",
        fontsize=6.5,
    )
    arrow(29.2, 31.6)
    box(32, 6, "stem\n7x7", _size(model.get_layer("conv1_conv").output.shape), GREY)
    x = 38.0
    for stage, blocks in zip(range(2, 6), (3, 4, 6, 3), strict=True):
        shape = model.get_layer(f"conv{stage}_block{blocks}_out").output.shape
        arrow(x + 0.3, x + 2)
        box(x + 2.4, 8, f"{blocks} blocks,\neach\nwith SE", _size(shape), BLUE)
        x += 10.4
    arrow(x + 0.3, x + 2)
    box(x + 2.4, 6.4, "pool,\nsoftmax", "P(malignant)", ORANGE)
    axes.text(
        60,
        21,
        "ResNet-50, a squeeze-and-excitation gate after each residual block",
        ha="center",
        fontsize=7.5,
    )
    figure.savefig(IMAGES / "network.png")


def _size(shape: tuple[int | None, ...]) -> str:
    return "x".join(map(str, shape[1:]))


def _stretched(band: np.ndarray) -> np.ndarray:
    """Grey levels that cut off the lowest and the highest 0.5 %."""
    low, high = np.percentile(band, (0.5, 99.5))
    return 255 * np.clip((band - low) / (high - low), 0, 1)


def _image(axes: Axes, image: np.ndarray) -> None:
    axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    axes.set_xticks([])
    axes.set_yticks([])


if __name__ == "__main__":
    main()
