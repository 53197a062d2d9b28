"""Transfer between phantom and film: are there microcalcifications in a patch?

    python -m benchmarks.transfer --patches DIR --out DIR

Trains WA-ResNet-50 on phantom patches alone, drawn whole or inserted into real tissue,
and tests it on real patches; then the other way round. Prints the table of
docs/results/transfer.md. The scores of each network are kept in `--out`, and the same
command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Iterable
from pathlib import Path

import keras
import numpy as np
import scipy.stats

from benchmarks.film.presence import (
    SIDE,
    Patches,
    compiled,
    fit,
    inserted_in_films,
    kept,
    phantom_patches,
    real_patches,
    scores,
)
from keras_wa.metrics import mean_over_seeds, paired_differences
from keras_wa.metrics.baselines import single_feature_statistics
from keras_wa.metrics.bootstrap import cluster_bootstrap_auc
from keras_wa.models import WAResNet50

Array = np.ndarray
Draw = Callable[[int], Patches]

SEEDS = range(5)
_PAIRS, _STEPS = 1000, 400
_TEST_SEED = 1_000


@functools.cache
def network() -> keras.Model:
    """Returns a compiled network: to compile takes as long as to train it."""
    return compiled(WAResNet50(input_shape=(SIDE, SIDE, 1)), _STEPS)


def trained(train: Patches, seed: int) -> keras.Model:
    """Trains a network from random weights."""
    keras.utils.set_random_seed(seed)
    model = network()
    model.set_weights(WAResNet50(input_shape=(SIDE, SIDE, 1)).get_weights())
    for variable in model.optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))
    fit(model, train.inputs(), train.y, _STEPS, seed)
    return model


def once(draw: Draw, tests: Iterable[Patches], out: Path, name: str) -> list[Array]:
    """Trains on one source with each seed: scores `(seeds, n)` of each test source."""
    tests = list(tests)
    ends = np.cumsum([len(test.y) for test in tests])

    def of(seed: int) -> Array:
        model = trained(draw(seed), seed)
        if seed == SEEDS[0]:
            model.save(out / f"{name}.keras")
        return np.concatenate([scores(model, test.inputs()) for test in tests])

    rows = [
        kept(out / f"{name}-{seed}.npy", functools.partial(of, seed)) for seed in SEEDS
    ]
    return np.split(np.stack(rows), ends[:-1], axis=1)


def best_number(patches: Patches) -> tuple[str, Array]:
    """Returns the statistic with the highest AUC on these very patches, signed."""
    found = single_feature_statistics(patches.pixels)
    aucs = {
        (name, sign): cluster_bootstrap_auc(
            patches.y, sign * column.to_numpy(), patches.groups, 1
        ).value
        for name, column in found.items()
        for sign in (1, -1)
    }
    name, sign = max(aucs, key=aucs.__getitem__)
    return name, sign * found[name].to_numpy()


def print_row(title: str, test: Patches, found: Array, one: Array) -> None:
    """Prints a row: the AUC, and its difference to that of a single number."""
    halves = np.full(len(found), 0.5)
    auc = mean_over_seeds(test.y, found, halves, test.groups)["auc"]
    cells = [f"{auc.mean:.3f} [{auc.low:.3f}, {auc.high:.3f}]"]
    cells.append(", ".join(f"{value:.3f}" for value in auc.values))
    ranks = scipy.stats.rankdata(one)[None] / one.size
    d = paired_differences(test.y, found, ranks, test.groups, halves, [0.5])["auc"]
    cells.append(f"{d.value:+.3f} [{d.low:+.3f}, {d.high:+.3f}]")
    print(f"| {title} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Trains, and prints the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.transfer",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--patches", type=Path, metavar="DIR", required=True)
    parser.add_argument("--out", type=Path, metavar="DIR", required=True)
    args = parser.parse_args()
    out = args.out
    out.mkdir(parents=True, exist_ok=True)
    real = real_patches(args.patches)
    phantom = phantom_patches(300, _TEST_SEED)
    tests = real, phantom
    drawn = once(lambda s: phantom_patches(_PAIRS, s), tests, out, "phantom")
    films = once(lambda s: inserted_in_films(_PAIRS, s), tests, out, "films")
    reverse = once(lambda s: real, [phantom], out, "real-to-phantom")[0]
    name, one = best_number(real)
    auc = cluster_bootstrap_auc(real.y, one, real.groups)
    print(f"{len(real.y)} real patches, {len(np.unique(real.groups))} patients")
    print(f"| {name} | {auc.value:.3f} [{auc.low:.3f}, {auc.high:.3f}] | | |")
    print_row("phantom", real, drawn[0], one)
    print_row("phantom calcifications in films", real, films[0], one)
    name, one = best_number(phantom)
    auc = cluster_bootstrap_auc(phantom.y, one, phantom.groups)
    print("Phantom patches")
    print(f"| {name} | {auc.value:.3f} [{auc.low:.3f}, {auc.high:.3f}] | | |")
    print_row("real patches", phantom, reverse, one)
    print_row("phantom", phantom, drawn[1], one)
    print_row("phantom calcifications in films", phantom, films[1], one)


if __name__ == "__main__":
    main()
