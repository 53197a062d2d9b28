"""`keras-wa enhance`."""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_wa.cli.messages import say, warn
from keras_wa.cli.paths import make_folder
from keras_wa.cli.shared import (
    DATASET_FLAGS,
    add_config_flags,
    add_resamples,
    choose_dataset,
    collect_config,
)
from keras_wa.cli.starting import quiet_start
from keras_wa.errors import UserError
from keras_wa.ranges import Range

if TYPE_CHECKING:
    from keras_wa.data import Dataset
    from keras_wa.data.dataset import Pixels
    from keras_wa.evaluate.image_quality_figure import Pair
    from keras_wa.training.config import TrainConfig

EXAMPLE = "keras-wa enhance --dataset phantom --n 512 --out enhancement/phantom"

_FLAGS: dict[str, dict[str, Any]] = {
    # `--n` says how many ROIs; `--limit`, which keeps whole patients, is for training.
    **{
        name: options
        for name, options in DATASET_FLAGS.items()
        if name not in ("limit", "store_dir", "labelling")
    },
    "clip_limit": {"type": float, "metavar": "X", "help": "of CLAHE (default: 2.0)"},
    "tiles": {
        "type": int,
        "metavar": "N",
        "help": "of CLAHE, along each side (default: 8)",
    },
}
_SHOWN = 4
_CONFIDENCE = 0.95


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    add_config_flags(parser, _FLAGS)
    parser.add_argument(
        "--n",
        type=Range(1, whole=True),
        default=512,
        metavar="N",
        help="measure N ROIs drawn at random (default: 512)",
    )
    add_resamples(parser)
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="where table1.md, enhancement.json, enhancement.csv and figure1.png go "
        "(default: enhancement/DATASET)",
    )


def run(args: argparse.Namespace) -> int:
    """Measures and writes. Returns the exit code."""
    with quiet_start():
        from keras_wa.training.config import TrainConfig
        from keras_wa.training.data import load_dataset
    from keras_wa.evaluate.image_quality_figure import write_figure
    from keras_wa.evaluate.image_quality_table import (
        format_table,
        summarise,
        write_table,
    )

    values = choose_dataset(collect_config(args))
    config = TrainConfig.from_mapping(values, args.config or "command line")
    dataset = load_dataset(config)
    out = make_folder(args.out or f"enhancement/{dataset.name}")
    cases = dataset.cases
    if len(cases) > args.n:
        cases = cases.sample(args.n, random_state=config.data_seed).sort_index()
    table, skipped = _measure(dataset, cases, config)
    notes = [*dataset.notes, *_absences(dataset, table, skipped)]
    summary = summarise(table, args.resamples, config.data_seed, _CONFIDENCE)
    settings = {
        "dataset": dataset.name,
        **_flat(dataset.source),
        "image_size": config.image_size,
        "clip_limit": config.clip_limit,
        "tiles": config.tiles,
    }
    record = {
        "n_rois": len(table),
        "n_patients": int(table["patient_id"].nunique()),
        "n_without_mask": int(table["no_visibility"].notna().sum()),
        "settings": settings,
        "measures": summary,
        "bootstrap": {
            "kind": "patient-cluster expanded percentile bootstrap",
            "n_resamples": args.resamples,
            "seed": config.data_seed,
            "confidence": _CONFIDENCE,
        },
        "notes": notes,
        "skipped": [list(each) for each in skipped],
    }
    # Spread over the table, so that nothing but their place chose them.
    rows = np.unique(np.linspace(0, len(table) - 1, _SHOWN).round().astype(int))
    by_name = cases.set_index("roi_id", drop=False)
    write_figure(
        out / "figure1.png",
        [
            _pair(dataset, by_name.loc[name], config)
            for name in table["roi_id"].iloc[rows]
        ],
        f"{_title(dataset)}: CLAHE, clip limit {config.clip_limit:g}, "
        f"{config.tiles} by {config.tiles} tiles; the lesion's mask outlined",
    )
    write_table(out, table, record)
    say(format_table(summary))
    warn(notes)
    say(f"Written: {out / 'table1.md'}, {out / 'figure1.png'}")
    return 0


def _measure(
    dataset: Dataset, cases: pd.DataFrame, config: TrainConfig
) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """One row an ROI, and the ROIs that could not be read, with the reason."""
    from keras_wa.data.pipeline.store import WORKERS
    from keras_wa.evaluate.image_quality import measure_pair
    from keras_wa.progress import track

    def measure(row: pd.Series) -> dict[str, Any] | UserError:
        try:
            before = _read(dataset, row, config)
        except UserError as error:
            return error
        mask, reason = _mask(dataset, row, config)
        return {
            "roi_id": row["roi_id"],
            "patient_id": row["patient_id"],
            **measure_pair(before, _enhance(before, config), mask),
            "no_visibility": reason,
        }

    rows = [row for _, row in cases.iterrows()]
    with ThreadPoolExecutor(WORKERS) as pool:
        measured = pool.map(measure, rows)
        results = list(track(measured, f"Measuring {dataset.name}", len(rows)))
    skipped = [
        (str(row["roi_id"]), str(result))
        for row, result in zip(rows, results, strict=True)
        if isinstance(result, UserError)
    ]
    kept = [result for result in results if not isinstance(result, UserError)]
    if not kept:
        raise UserError(
            f"{dataset.root}: none of {len(rows)} ROIs could be read. Expected: at "
            f"least one of them. The first: {skipped[0][1]}"
        )
    return pd.DataFrame(kept), skipped


def _read(dataset: Dataset, row: pd.Series, config: TrainConfig) -> Pixels:
    """An ROI as the network sees it, but for the enhancement."""
    from keras_wa.data.io.resize import resize

    return resize(dataset.read(row).pixels, (config.image_size, config.image_size))


def _enhance(image: Pixels, config: TrainConfig) -> Pixels:
    from keras_wa.data.io.clahe import clahe

    return clahe(image, config.clip_limit, (config.tiles, config.tiles))


def _mask(
    dataset: Dataset, row: pd.Series, config: TrainConfig
) -> tuple[NDArray[np.bool_] | None, str | None]:
    """The lesion's mask in the pixels of `_read`, or why there is none."""
    from keras_wa.data.dataset import lesion_mask

    try:
        return lesion_mask(dataset, row, (config.image_size, config.image_size)), None
    except UserError as error:
        return None, str(error)


def _pair(dataset: Dataset, row: pd.Series, config: TrainConfig) -> Pair:
    from keras_wa.evaluate.image_quality_figure import Pair

    before = _read(dataset, row, config)
    mask, _ = _mask(dataset, row, config)
    return Pair(str(row["roi_id"]), before, _enhance(before, config), mask)


def _absences(
    dataset: Dataset, table: pd.DataFrame, skipped: list[tuple[str, str]]
) -> list[str]:
    """What the numbers do not cover, and why."""
    notes = []
    if skipped:
        notes.append(
            f"{len(skipped)} of {len(table) + len(skipped)} ROIs could not be read and "
            f"were left out, the first: {skipped[0][1]}"
        )
    reasons = table["no_visibility"].dropna()
    if len(reasons):
        notes.append(
            f"{len(reasons)} of {len(table)} ROIs have no mask, and so no visibility, "
            f"and all of the ROI counts as background, the first: {reasons.iloc[0]}"
        )
    known = table[table["no_visibility"].isna()]
    for name, title, why in (
        ("visibility", "visibility", "nothing in the mask stands out of its ring"),
        ("snr", "SNR", "no window of background is left"),
    ):
        undefined = int(
            known[[f"{name}_before", f"{name}_after"]].isna().any(axis=1).sum()
        )
        if undefined:
            notes.append(f"{undefined} of {len(table)} ROIs have no {title}: {why}.")
    return notes


def _flat(source: Any) -> dict[str, Any]:
    """The settings of a dataset, those of a phantom among the others."""
    return {
        key: value
        for name, each in source.items()
        for key, value in (each if isinstance(each, dict) else {name: each}).items()
    }


def _title(dataset: Dataset) -> str:
    """The dataset's name; a phantom's images always say that they are one."""
    told = any(note.startswith("This is a phantom") for note in dataset.notes)
    return f"In-silico phantom ({dataset.name})" if told else dataset.name
