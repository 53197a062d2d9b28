"""The scores of a set of heat maps as a record that JSON can hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_wa.explain.deletion import deletion_areas
from keras_wa.explain.heat import Heat
from keras_wa.explain.scores import (
    FloatArray,
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
# Heat of so many other ROIs is scored on each mask.
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
        heat: of the trained network, `(n, H, W)` in [0, 1].
        random_heats: the same of each re-initialised network; an ROI counts with its
            mean over them.
        masks: bool `(n, H, W)`, none empty.
        groups: `n` patient identifiers.
        tolerance: of the pointing game, px.

    Returns:
        `n_rois, n_patients, tolerance_px`, and for `pointing_game` and
        `energy_in_mask`: `trained, chance, trained_minus_chance`; with random networks
        `random, random_minus_chance, trained_minus_random`; with two ROIs or more
        `other_rois, trained_minus_other_rois`, what the trained network's heat for
        other ROIs scores on this one's mask. Lesions lie about the middle of their
        ROIs: heat that is always there beats chance, but not the heat of other ROIs.
        Each is `{value, low, high}`, a mean over ROIs with its 95 % patient-cluster
        bootstrap interval. The differences are taken ROI by ROI.
    """
    near = grown(masks, tolerance)

    def pointing(maps: Heat) -> FloatArray:
        return pointing_game(maps, near)

    def energy(maps: Heat) -> FloatArray:
        return energy_in_mask(maps, masks)

    record: Record = {
        "n_rois": len(masks),
        "n_patients": len(np.unique(np.asarray(groups))),
        "tolerance_px": tolerance,
    }
    for name, score, chance in (
        ("pointing_game", pointing, mask_share(near)),
        ("energy_in_mask", energy, mask_share(masks)),
    ):
        trained = score(heat)
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
    """How much the trained network's heat is that of networks with random weights.

    Args:
        heat: `(n, H, W)`.
        random_heats: the same of each re-initialised network, at least one.
        groups: `n` patient identifiers.

    Returns:
        `networks`, how many there were; `spearman {value, low, high}`, the rank
        correlation of the maps, a mean over ROIs (and over networks within an ROI)
        with its interval; `n_undefined`, pairs of which a map was constant.
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
        random_curves: the same, removed in random order.
        labels: `(n,)`, 0 or 1. A benign ROI has little probability to lose, so the
            malignant ones are also summarised by themselves.
        groups: `n` patient identifiers.

    Returns:
        For `all` and `malignant` ROIs, each `{value, low, high}`: the areas `heat,
        random_order, heat_minus_random`, and the probabilities `before` and
        `all_removed`. Where the last is no lower than `before`, the network takes what
        replaces the pixels for evidence, and the areas say nothing. `malignant` only
        where there is such an ROI.
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
    """Renders what `scores.json` holds for the terminal.

    Args:
        results: `method, n_rois, n_patients, localisation, deletion, randomisation`.

    Returns:
        Lines, the first on the ROIs and the interval; no trailing newline.
    """
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
    """The mean over ROIs as `{value, low, high}`, None where undefined."""
    return dict(without_nan(mean_interval(values, groups).to_record()))
