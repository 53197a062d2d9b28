"""Scores of a set of heat maps as a JSON record."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_wa.explain.deletion import deletion_areas
from keras_wa.explain.scores import (
    FloatArray,
    Heat,
    Masks,
    energy_in_mask,
    grown,
    mask_share,
    mean_interval,
    pointing_game,
    rank_correlation,
)
from keras_wa.files import without_nan
from keras_wa.metrics import Estimate

Record = dict[str, Any]

_TITLES = {"pointing_game": "pointing game", "energy_in_mask": "energy in mask"}
_SHOWN = ("trained", "other_rois", "random", "chance")
# Number of other ROIs whose heat is scored on each mask.
_OTHERS = 20


def localisation(
    heat: Heat,
    random_heats: list[Heat],
    masks: Masks,
    groups: ArrayLike,
    tolerance: float = 0.0,
) -> Record:
    """Scores heat against masks, beside chance and networks with random weights.

    Args:
        heat: heat of the trained network, `(n, H, W)` in [0, 1].
        random_heats: heat of each re-initialised network, whose scores are averaged.
        masks: bool `(n, H, W)`, none empty.
        groups: `n` patient identifiers.
        tolerance: of the pointing game, px.

    Returns:
        `n_rois, n_patients, tolerance_px`, and for `pointing_game` and
        `energy_in_mask`: `trained, chance, trained_minus_chance`; with random networks
        `random, random_minus_chance, trained_minus_random`; with two ROIs or more
        `other_rois, trained_minus_other_rois`, the score of the trained network's heat
        for other ROIs on this mask. Lesions are near the middle of their ROIs: constant
        central heat beats chance, but not the heat of other ROIs. Each is
        `{value, low, high}`, a mean over ROIs with its 95 % patient-cluster bootstrap
        interval. Differences are paired by ROI.
    """
    record: Record = {
        "n_rois": len(masks),
        "n_patients": len(np.unique(np.asarray(groups))),
        "tolerance_px": tolerance,
    }
    for name, measure, area in (
        ("pointing_game", pointing_game, grown(masks, tolerance)),
        ("energy_in_mask", energy_in_mask, masks),
    ):
        score = functools.partial(measure, masks=area)
        trained, chance = score(heat), mask_share(area)
        columns = {
            "trained": trained,
            "chance": chance,
            "trained_minus_chance": trained - chance,
        }
        if random_heats:
            untrained = np.mean([score(maps) for maps in random_heats], axis=0)
            columns |= {
                "random": untrained,
                "random_minus_chance": untrained - chance,
                "trained_minus_random": trained - untrained,
            }
        if len(masks) > 1:
            n = min(len(masks) - 1, _OTHERS)
            shifts = np.linspace(1, len(masks) - 1, n).astype(int)
            others = np.mean([score(np.roll(heat, k, axis=0)) for k in shifts], axis=0)
            columns |= {
                "other_rois": others,
                "trained_minus_other_rois": trained - others,
            }
        record[name] = _intervals(columns, groups)
    return record


def similarity(heat: Heat, random_heats: list[Heat], groups: ArrayLike) -> Record:
    """Compares the heat of the trained network with that of random weights.

    Returns:
        `networks`, their number; `spearman {value, low, high}`, the rank correlation of
        the maps, a mean over ROIs (and over networks within an ROI) with its interval;
        `n_undefined`, the number of pairs with a constant map.
    """
    each = np.stack([rank_correlation(heat, maps) for maps in random_heats])
    known = ~np.isnan(each)
    counts = known.sum(axis=0)
    sums = np.where(known, each, 0).sum(axis=0)
    means = np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)
    return {
        "networks": len(random_heats),
        "spearman": _interval(means, groups),
        "n_undefined": int((~known).sum()),
    }


def deletion(
    curves: FloatArray, random_curves: FloatArray, labels: ArrayLike, groups: ArrayLike
) -> Record:
    """Summarises deletion curves.

    Args:
        curves: `(n, steps + 1)`, pixels removed in the order of heat.
        random_curves: the same, pixels removed in random order.
        labels: `(n,)`, 0 or 1. Malignant ROIs are also summarised separately, since the
            probability of benign ones is low from the start.
        groups: `n` patient identifiers.

    Returns:
        For `all` and `malignant` ROIs, each `{value, low, high}`: the areas `heat,
        random_order, heat_minus_random`, and the probabilities `before` and
        `all_removed`. If the last is not lower than `before`, the replaced pixels are
        evidence for the network, and the areas are not informative. `malignant` is
        there only if there are such ROIs.
    """
    areas, random_areas = deletion_areas(curves), deletion_areas(random_curves)
    columns = {
        "heat": areas,
        "random_order": random_areas,
        "heat_minus_random": areas - random_areas,
        "before": curves[:, 0],
        "all_removed": curves[:, -1],
    }
    malignant = np.asarray(labels) == 1
    record = {"all": _intervals(columns, groups)}
    if malignant.any():
        part = {name: values[malignant] for name, values in columns.items()}
        record["malignant"] = _intervals(part, np.asarray(groups)[malignant])
    return record


def format_scores(results: Record) -> str:
    """Formats the content of `scores.json` for the terminal."""
    lines = [
        f"{results['method']}, {results['n_rois']} ROIs of {results['n_patients']} "
        "patients [95% interval, patient-cluster bootstrap]"
    ]
    for name, title in _TITLES.items():
        for part, scores in (results["localisation"] or {}).items():
            shown = [column for column in _SHOWN if column in scores[name]]
            lines.append(_row(f"{title}, {part}", scores[name], shown))
    for part, cells in results["deletion"].items():
        areas = ["heat", "random_order", "before", "all_removed"]
        lines.append(_row(f"deletion, {part}", cells, areas))
    if results["randomisation"]:
        lines.append(_row("like random maps", results["randomisation"], ["spearman"]))
    return "\n".join(lines)


def _row(title: str, cells: Record, names: list[str]) -> str:
    parts = [
        f"{name.replace('_', ' ')} {Estimate.from_record(cells[name])}"
        for name in names
    ]
    return f"{title:<26}" + ", ".join(parts)


def _intervals(
    columns: dict[str, NDArray[np.float64]], groups: ArrayLike
) -> dict[str, Record]:
    return {name: _interval(values, groups) for name, values in columns.items()}


def _interval(values: FloatArray, groups: ArrayLike) -> Record:
    """Returns the mean over ROIs as `{value, low, high}`, None if undefined."""
    return dict(without_nan(mean_interval(values, groups).to_record()))
