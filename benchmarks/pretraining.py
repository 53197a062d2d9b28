"""Pretraining on the phantom, then fine-tuning on real images.

    python -m benchmarks.pretraining --patches DIR --mass-crops DIR --imagenet NPZ \
        --out DIR

Trains WA-ResNet-50 on phantom ROIs with what only a phantom knows: types and
distribution of the calcifications, their number and a map of them. Then fine-tunes it
on real patches (are there microcalcifications?) and on real mass ROIs (malignant?),
beside random weights and those of ImageNet. Prints the table of
docs/results/transfer.md. The scores of each network are kept in `--out`, and the same
command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import scipy.ndimage as ndi

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
from keras_wa.phantom import PhantomSpec, phantom_cases, render_mask, render_roi

Array = np.ndarray

STARTS = "random weights", "ImageNet, conv1 to conv4", "phantom"
_ROIS, _STEPS, _BATCH = 9_600, 600, 32
_MASS_SIDE, _MAP = 128, 4
_FINE_TUNING = {SIDE: 120, _MASS_SIDE: 150}
_RATES = {"random weights": 1e-3}  # 3e-4 from pretrained weights.
_HEADS = "type", "distribution", "number", "map"


def phantom_targets(n: int, seed: int) -> tuple[Array, dict[str, Array]]:
    """Draws phantom ROIs, every other one without its calcifications.

    Returns:
        Inputs, float32 `(n, 64, 64, 1)`, and the targets of each head: `type` and
        `distribution` `(n, names)`, 0 or 1, all 0 without calcifications; `number`
        `(n, 1)`, the logarithm of 1 + calcifications in the ROI; `map` `(n, 16)`, in
        which parts of the ROI they are.
    """
    spec = PhantomSpec(seed, size=SIDE, field_mm=SIDE * PATCH_MM)
    table = phantom_cases(spec, n)
    types = table["morphology"].str.get_dummies("-")
    distributions = table["distribution"].fillna("").str.get_dummies("-")
    present = np.arange(n) % 2
    rows = table.to_dict("records")
    pixels = [render_roi(spec, *each) for each in zip(rows, present == 1, strict=True)]
    masks = np.zeros((n, SIDE, SIDE), bool)
    masks[1::2] = [render_mask(spec, row) for row in rows[1::2]]
    cell = SIDE // _MAP
    cells = masks.reshape(n, _MAP, cell, _MAP, cell).any((2, 4)).reshape(n, -1)
    number = np.log1p([ndi.label(mask)[1] for mask in masks])
    targets = {
        "type": types.to_numpy() * present[:, None],
        "distribution": distributions.to_numpy() * present[:, None],
        "number": number[:, None],
        "map": cells,
    }
    x = np.array(pixels, np.float32)[..., None] / 255
    return x, {name: target.astype(np.float32) for name, target in targets.items()}


def pretrain(seed: int) -> tuple[keras.Model, dict[str, float]]:
    """Returns the classifier of a phantom's trunk, and each head's loss on new ROIs."""
    keras.utils.set_random_seed(seed)
    x, targets = phantom_targets(_ROIS, seed)
    model = WAResNet50(input_shape=(SIDE, SIDE, 1))
    pooled = model.get_layer("avg_pool").output
    # Of 4x4: a quarter of the ROI's side a cell.
    middle = keras.layers.Conv2D(1, 1)(model.get_layer("conv3_block4_se").output)
    outputs = {
        name: keras.layers.Dense(targets[name].shape[1], name=name)(pooled)
        for name in _HEADS[:-1]
    }
    outputs["map"] = keras.layers.Flatten(name="map")(middle)
    several = keras.Model(model.input, outputs)
    binary = keras.losses.BinaryCrossentropy(from_logits=True)
    schedule = keras.optimizers.schedules.CosineDecay(
        1e-4, _STEPS - 60, warmup_target=1e-3, warmup_steps=60
    )
    several.compile(
        keras.optimizers.Adam(schedule),
        {name: "mse" if name == "number" else binary for name in _HEADS},
        jit_compile=False,
    )
    epochs = -(-_STEPS * _BATCH // _ROIS)
    several.fit(x, targets, _BATCH, epochs=epochs, verbose=0)
    x, targets = phantom_targets(600, 1_000 + seed)
    losses = several.evaluate(x, targets, verbose=0, return_dict=True)
    return model, losses


def started(side: int, start: str, imagenet: Path, trunk: Path) -> keras.Model:
    """Builds a classifier with the weights that fine-tuning starts from."""
    weights = {STARTS[1]: imagenet, STARTS[2]: trunk}.get(start)
    return WAResNet50(input_shape=(side, side, 1), weights=weights)


@functools.cache
def network(side: int, rate: float) -> keras.Model:
    """Returns a compiled network: to compile takes as long as to train it."""
    model = WAResNet50(input_shape=(side, side, 1))
    return compiled(model, _FINE_TUNING[side], rate)


def fine_tuned(
    x: Array, y: Array, start: keras.Model, rate: float, seed: int
) -> keras.Model:
    """Trains a network from the weights of another."""
    model = network(x.shape[1], rate)
    model.set_weights(start.get_weights())
    for variable in model.optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))
    fit(model, x, y, _FINE_TUNING[x.shape[1]], seed)
    return model


def fraction_of(patches: Patches, rows: Array, fraction: float, seed: int) -> Array:
    """Returns the rows of a fraction of the patients, at random."""
    patients = np.unique(patches.groups[rows])
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(patients)[: round(fraction * len(patients))]
    return rows[np.isin(patches.groups[rows], chosen)]


def out_of_fold(
    data: Patches, x: Array, start: str, fraction: float, args: argparse.Namespace
) -> Array:
    """Fine-tunes on four fifths of the patients and tests on the rest: `(1, n)`.

    Each fold has another seed, and another pretrained network.
    """
    found = np.empty((1, len(data.y)))
    name = f"{x.shape[1]}-{fraction:g}-{start.split(',')[0].replace(' ', '-')}"

    def of(seed: int, rows: Array, test: Array) -> Array:
        rows = fraction_of(data, rows, fraction, seed)
        keras.utils.set_random_seed(seed)
        trunk = args.out / f"phantom-{seed}.keras"
        first = started(x.shape[1], start, args.imagenet, trunk)
        rate = _RATES.get(start, 3e-4)
        return scores(fine_tuned(x[rows], data.y[rows], first, rate, seed), x[test])

    for seed, (rows, test) in enumerate(folds(data, 0)):
        path = args.out / f"{name}-{seed}.npy"
        found[0, test] = kept(path, functools.partial(of, seed, rows, test))
    return found


def mass_rois(folder: Path) -> Patches:
    """Reads the mass crops of CBIS-DDSM and their index, at 128 pixels."""
    index = pd.read_csv(folder / "index.csv")
    images = {path.name: path for path in (folder / "images").iterdir()}
    pixels = [
        shrunk(crops(folder / "images", Path(path).name)[0], _MASS_SIDE)
        for path in index["path"]
        if Path(path).name in images
    ]
    y = (index["label"] == "malignant").to_numpy(int)
    return Patches(np.array(pixels), y, index["patient"].to_numpy(str))


def print_rows(title: str, data: Patches, found: Mapping[str, Array]) -> None:
    """Prints the AUC of each start, and its difference to random weights."""
    half = [0.5]
    first = found[STARTS[0]]
    for start, each in found.items():
        auc = mean_over_seeds(data.y, each, half, data.groups)["auc"]
        cells = f"{auc.mean:.3f} [{auc.low:.3f}, {auc.high:.3f}] |"
        if start != STARTS[0]:
            d = paired_differences(data.y, each, first, data.groups, half, half)["auc"]
            cells += f" {d.value:+.3f} [{d.low:+.3f}, {d.high:+.3f}]"
        print(f"| {title} | {start} | {cells} |", flush=True)


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
    for seed in range(5):
        path = args.out / f"phantom-{seed}.keras"
        if not path.exists():
            model, losses = pretrain(seed)
            model.save(path)
            print(seed, {k: round(float(v), 3) for k, v in losses.items()}, flush=True)
    patches = real_patches(args.patches)
    for fraction in (0.25, 0.5, 1.0):
        x = patches.inputs()
        found = {s: out_of_fold(patches, x, s, fraction, args) for s in STARTS}
        print_rows(f"patches, {fraction:.0%} of the patients", patches, found)
    masses = mass_rois(args.mass_crops)
    x = masses.pixels[..., None].astype(np.float32) / 255
    found = {s: out_of_fold(masses, x, s, 1.0, args) for s in STARTS}
    print_rows("mass ROIs", masses, found)


if __name__ == "__main__":
    main()
