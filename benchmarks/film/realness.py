"""Tells phantom from real tissue by a small network.

    python -m benchmarks.film.realness [--rois FILE.npy]

Prints the AUC (0.5 is chance) of networks that saw squares of one patient's films and
as many of phantom ROIs, on the other patient's films and other phantom ROIs. "Other
breast" trains on the left films of both patients and tests on the right ones, and the
other way round. So does the yardstick: how well the network tells the two patients
apart.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import keras
import numpy as np
import scipy.fft
import scipy.ndimage as ndi

from benchmarks.film.fields import SIDE, drawn_fields, field_boxes, films, shrunk
from keras_wa.metrics import Estimate
from keras_wa.metrics.bootstrap import cluster_bootstrap_auc
from keras_wa.phantom.spec import PHANTOM_VERSION

Array = np.ndarray

SIZE, SQUARE = 224, 64
"""Side of a field as a network sees it, and of a square cut from it, pixels."""
SEEDS = 0, 1, 2
_ROIS, _EPOCHS, _BATCH, _LOW_PASS = 240, 30, 32, 4.0


@dataclasses.dataclass(frozen=True)
class Squares:
    """Squares of a source, with what they were cut from.

    Attributes:
        pixels: uint8 `(n, SQUARE, SQUARE)`.
        groups: `(n,)`, the film or ROI of each.
    """

    pixels: Array
    groups: Array

    def draw(self, n: int, rng: np.random.Generator) -> Squares:
        """Draws `n` of them."""
        chosen = np.sort(rng.choice(len(self.groups), n, replace=False))
        return Squares(self.pixels[chosen], self.groups[chosen])


def cut(fields: Sequence[Array], groups: Sequence[str]) -> Squares:
    """Cuts fields of `SIZE` pixels into squares, 3x3 each."""
    starts = range(SIZE % SQUARE // 2, SIZE - SQUARE + 1, SQUARE)
    found = [
        (field[top : top + SQUARE, left : left + SQUARE], group)
        for field, group in zip(fields, groups, strict=True)
        for top in starts
        for left in starts
    ]
    return Squares(np.array([p for p, _ in found]), np.array([g for _, g in found]))


def cut_film(grey: Array, name: str) -> Squares:
    """Cuts the fields of a film into squares that do not overlap on it."""
    boxes = field_boxes(grey)
    squares = cut([shrunk(grey[box], SIZE) for box in boxes], [name] * len(boxes))
    # The same squares of a map of the film's pixels: which are taken already?
    scale, taken = SIZE / SIDE, np.zeros(grey.shape, bool)
    starts = range(SIZE % SQUARE // 2, SIZE - SQUARE + 1, SQUARE)
    places = [
        tuple(
            slice(side.start + int(at / scale), side.start + int((at + SQUARE) / scale))
            for side, at in zip(box, (top, left), strict=True)
        )
        for box in boxes
        for top in starts
        for left in starts
    ]
    free = []
    for place in places:
        free.append(not taken[place].any())
        taken[place] |= free[-1]
    return Squares(squares.pixels[free], squares.groups[free])


def joined(parts: Sequence[Squares]) -> Squares:
    """All of them as one."""
    return Squares(
        np.concatenate([part.pixels for part in parts]),
        np.concatenate([part.groups for part in parts]),
    )


def _standardized(x: Array) -> Array:
    x = x - x.mean((1, 2), keepdims=True)
    return x / np.maximum(x.std((1, 2), keepdims=True), 1e-6)


def _smooth(x: Array) -> Array:
    return np.stack([ndi.gaussian_filter(each, _LOW_PASS) for each in x])


def _scrambled(x: Array) -> Array:
    spectrum = scipy.fft.rfft2(_standardized(x))
    noise = np.random.default_rng(0).standard_normal(x.shape)
    phase = scipy.fft.rfft2(noise)
    return scipy.fft.irfft2(np.abs(spectrum) * phase / np.abs(phase), s=x.shape[1:])


# Grey levels are brought to about the size of 1, by numbers that are the same for all.
INPUTS: dict[str, Callable[[Array], Array]] = {
    "as it is": lambda x: (x - 128) / 40,
    "mean 0, standard deviation 1": _standardized,
    "high-pass": lambda x: (x - _smooth(x)) / 5,
    "low-pass": lambda x: (_smooth(x) - 128) / 40,
    "standard deviation 1, phases at random": _scrambled,
}
"""What of a square the network sees -> float64 `(n, SQUARE, SQUARE)` of grey levels."""


def network() -> keras.Model:
    """Four convolutions, global average pooling, one logit."""
    layers = keras.layers
    body: list[keras.Layer] = [keras.Input((SQUARE, SQUARE, 1))]
    for filters, side in ((12, 5), (24, 3), (48, 3), (48, 3)):
        body += [
            layers.Conv2D(filters, side, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.MaxPooling2D(),
        ]
    body[-1] = layers.GlobalAveragePooling2D()
    return keras.Sequential([*body, layers.Dense(1)])


def fit(x: Array, y: Array, seed: int) -> keras.Model:
    """Trains a network on squares, flipped and turned at random."""
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    model = network()
    steps = _EPOCHS * -(-len(x) // _BATCH)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss)
    for _ in range(_EPOCHS):
        turned = np.stack([np.rot90(each, rng.integers(4)) for each in x])
        flipped = rng.random(len(x)) < 0.5
        turned[flipped] = turned[flipped, :, ::-1]
        order = rng.permutation(len(x))
        model.fit(turned[order, ..., None], y[order], _BATCH, verbose=0, shuffle=False)
    return model


def tell_apart(first: Sequence[Squares], second: Sequence[Squares], view: str) -> list:
    """Trains on one half of each source and tests on the other, both ways.

    Args:
        first: the two halves of the source of label 0.
        second: the two halves of the source of label 1.
        view: what the network sees, of `INPUTS`.

    Returns:
        Of each fold the AUC of the mean logit of the networks of all `SEEDS`, with its
        interval by the bootstrap of films and ROIs.
    """
    rng = np.random.default_rng(0)
    halves = []
    for a, b in zip(first, second, strict=True):
        n = min(len(a.groups), len(b.groups))
        both = joined([a.draw(n, rng), b.draw(n, rng)])
        x = INPUTS[view](both.pixels.astype(float)).astype(np.float32)
        halves.append((x, np.repeat([0, 1], n), both.groups))
    found: list[Estimate] = []
    for (x, y, _), (x_test, y_test, groups) in (halves, halves[::-1]):
        models = [fit(x, y, seed) for seed in SEEDS]
        logits = np.mean([model(x_test[..., None]) for model in models], axis=0)
        found.append(cluster_bootstrap_auc(y_test, logits[:, 0], groups, 500))
    return found


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.film.realness",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--rois",
        type=Path,
        metavar="FILE.npy",
        help="ROIs without a lesion of another phantom, one a patient: uint8 "
        "(n, 224, 224), 25.6 mm wide; a column of their own",
    )
    args = parser.parse_args()
    cv2.setNumThreads(1)
    of_film = [
        [cut_film(grey, f"{patient}, {k}") for k, grey in enumerate(of_patient)]
        for patient, of_patient in films().items()
    ]
    patients = [joined(squares) for squares in of_film]
    sides = [[joined(of[:2]), joined(of[2:])] for of in of_film]
    drawn = {f"version {PHANTOM_VERSION}": drawn_fields(_ROIS, False, SIZE)}
    if args.rois:
        drawn[args.rois.name] = list(np.load(args.rois))
    both = [joined(half) for half in zip(*sides, strict=True)]
    pairs = {"the two patients": sides}
    for name, rois in drawn.items():
        half = len(rois) // 2
        squares = [
            cut(part, [f"ROI {k}" for k in range(len(part))])
            for part in (rois[:half], rois[half:])
        ]
        pairs[name] = [patients, squares]
        pairs.setdefault("the same, other breast", [both, squares])
    print("Squares of films:", [[len(one.groups) for one in of] for of in of_film])
    print(f"| input | {' | '.join(pairs)} |\n| --- |" + " --- |" * len(pairs))
    for view in INPUTS:
        cells = [_in_words(tell_apart(*pair, view)) for pair in pairs.values()]
        print(f"| {view} | {' | '.join(cells)} |", flush=True)


def _in_words(folds: list[Estimate]) -> str:
    each = "; ".join(f"{f.value:.2f} [{f.low:.2f}, {f.high:.2f}]" for f in folds)
    return f"**{np.mean([fold.value for fold in folds]):.2f}** ({each})"


if __name__ == "__main__":
    main()
