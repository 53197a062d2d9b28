"""Pretraining on the phantom, then fine-tuning on real images.

    python -m benchmarks.pretraining --patches DIR --mass-crops DIR --imagenet NPZ \
        --out DIR

Pretrains WA-ResNet-50 as `keras-wa pretrain` does. Then fine-tunes it on real patches
(are there microcalcifications?) and on real mass ROIs (malignant?), beside random
weights and those of ImageNet. Prints the table of docs/results/transfer.md. The scores
of each network are kept in `--out`, and the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from benchmarks.film.fields import PATCH_MM, crops, shrunk
from benchmarks.film.presence import (
    SIDE,
    Patches,
    compiled,
    fit,
    folds,
    kept,
    real_patches,
    scores,
)
from keras_wa.metrics import mean_over_seeds, paired_differences
from keras_wa.models import WAResNet50
from keras_wa.models.pretrained import MODEL_FILE
from keras_wa.training.pretraining import pretrain
from keras_wa.training.pretraining_settings import Pretraining

Array = np.ndarray

STARTS = "random weights", "ImageNet, conv1 to conv4", "phantom"
_TRUNKS, _STEPS, _FINE_TUNING = 3, 600, 120
_RATES = {"random weights": 1e-3}  # 3e-4 from pretrained weights.


def started(start: str, imagenet: Path, trunk: Path) -> keras.Model:
    """Builds a classifier with the weights that fine-tuning starts from."""
    weights = {STARTS[1]: imagenet, STARTS[2]: trunk}.get(start)
    return WAResNet50(input_shape=(SIDE, SIDE, 1), weights=weights)


@functools.cache
def network(rate: float) -> keras.Model:
    """Returns a compiled network: to compile takes as long as to train it."""
    return compiled(WAResNet50(input_shape=(SIDE, SIDE, 1)), _FINE_TUNING, rate)


def fine_tuned(
    x: Array, y: Array, start: keras.Model, rate: float, seed: int
) -> keras.Model:
    """Trains a network from the weights of another."""
    model = network(rate)
    model.set_weights(start.get_weights())
    for variable in model.optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))
    fit(model, x, y, _FINE_TUNING, seed)
    return model


def fraction_of(patches: Patches, rows: Array, fraction: float, seed: int) -> Array:
    """Returns the rows of a fraction of the patients, at random."""
    patients = np.unique(patches.groups[rows])
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(patients)[: round(fraction * len(patients))]
    return rows[np.isin(patches.groups[rows], chosen)]


def out_of_fold(
    kind: str, data: Patches, start: str, fraction: float, args: argparse.Namespace
) -> Array:
    """Fine-tunes on four fifths of the patients and tests on the rest: `(1, n)`.

    Each fold has another seed, and one of three pretrained networks.
    """
    x, found = data.inputs(), np.empty((1, len(data.y)))
    name = f"{kind}-{fraction:g}-{start.split(',')[0].replace(' ', '-')}"

    def of(seed: int, rows: Array, test: Array) -> Array:
        rows = fraction_of(data, rows, fraction, seed)
        keras.utils.set_random_seed(seed)
        trunk = args.out / f"phantom-{seed % _TRUNKS}" / MODEL_FILE
        first = started(start, args.imagenet, trunk)
        rate = _RATES.get(start, 3e-4)
        return scores(fine_tuned(x[rows], data.y[rows], first, rate, seed), x[test])

    for seed, (rows, test) in enumerate(folds(data, 0)):
        path = args.out / f"{name}-{seed}.npy"
        found[0, test] = kept(path, functools.partial(of, seed, rows, test))
    return found


def mass_rois(folder: Path) -> Patches:
    """Reads the mass crops of CBIS-DDSM and their index, shrunk to 64 pixels."""
    index = pd.read_csv(folder / "index.csv")
    images = {path.name: path for path in (folder / "images").iterdir()}
    pixels = [
        shrunk(crops(folder / "images", Path(path).name)[0], SIDE)
        for path in index["path"]
        if Path(path).name in images
    ]
    y = (index["label"] == "malignant").to_numpy(int)
    return Patches(np.array(pixels), y, index["patient"].to_numpy(str))


def print_rows(title: str, data: Patches, found: Mapping[str, Array]) -> None:
    """Prints the AUC of each start, and its differences to the starts before it."""
    half = [0.5]
    for k, (start, each) in enumerate(found.items()):
        auc = mean_over_seeds(data.y, each, half, data.groups)["auc"]
        cells = [f"{auc.mean:.3f} [{auc.low:.3f}, {auc.high:.3f}]"]
        for other in STARTS[:k]:
            d = paired_differences(data.y, each, found[other], data.groups, half, half)[
                "auc"
            ]
            cells.append(f"{d.value:+.3f} [{d.low:+.3f}, {d.high:+.3f}]")
        print(f"| {title} | {start} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Trains, and prints the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pretraining",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for flag in ("--patches", "--mass-crops", "--imagenet", "--out"):
        parser.add_argument(flag, type=Path, metavar="PATH", required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for seed in range(_TRUNKS):
        settings = Pretraining(
            image_size=SIDE,
            field_mm=SIDE * PATCH_MM,
            enhance="none",
            steps=_STEPS,
            seed=seed,
        )
        folder = args.out / f"phantom-{seed}"
        if not (folder / MODEL_FILE).exists():
            losses = pretrain(settings, folder, verbose=2)
            print(seed, {k: round(loss, 3) for k, loss in losses.items()}, flush=True)
    patches, masses = real_patches(args.patches), mass_rois(args.mass_crops)
    for kind, data, fraction in (
        ("patches", patches, 0.25),
        ("patches", patches, 0.5),
        ("patches", patches, 1.0),
        ("masses", masses, 1.0),
    ):
        found = {s: out_of_fold(kind, data, s, fraction, args) for s in STARTS}
        print_rows(f"{kind}, {fraction:.0%} of the patients", data, found)


if __name__ == "__main__":
    main()
