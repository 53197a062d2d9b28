"""Arguments and messages that several commands share."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_wa.cli.flags import given_settings
from keras_wa.cli.messages import say, warn
from keras_wa.cli.starting import quiet_start
from keras_wa.data.finding import find_dataset, name_of_dataset
from keras_wa.data.loading import DataSettings
from keras_wa.ranges import Range
from keras_wa.training.config import TrainConfig

if TYPE_CHECKING:
    from keras_wa.training.run import Run

PHANTOM_BANNER = (
    "PHANTOM: no data set is under {root}/, so this uses in-silico ROIs. Results on "
    "them say nothing clinical. Give --data-dir DIR to use your own images."
)


def choose_dataset(values: dict[str, Any], root: Path = Path("data")) -> dict[str, Any]:
    """Fills in the dataset and its folder.

    The folder of a named dataset is `data/NAME` if it exists and no other is given.
    Without a name, the dataset under `data/` is used, or else the phantom; a message is
    printed.
    """
    name, place = values.get("dataset"), values.get("data_dir")
    if not isinstance(name, str | None) or not isinstance(place, str | None):
        return values  # From a config file, which is refused later.
    if name is not None:
        here = root / name
        if place is None and here.is_dir():
            return {**values, "data_dir": str(here)}
        return values
    if place is not None:
        return {**values, "dataset": name_of_dataset(place)}
    found = find_dataset(root)
    if found is None:
        warn([PHANTOM_BANNER.format(root=root)])
        return {**values, "dataset": "phantom"}
    name = name_of_dataset(found)
    kind = "class folders of images" if name == "folder" else name
    say(f"Data set found: {found} ({kind}).")
    return {**values, "dataset": name, "data_dir": str(found)}


def data_settings(args: argparse.Namespace) -> DataSettings:
    """Returns the settings of a command that reads a dataset without training.

    Its config file may be that of a training, and all of its settings are checked.
    """
    values = choose_dataset(given_settings(args, DataSettings, args.config))
    if not args.config:
        return DataSettings.from_mapping(values, "command line")
    with quiet_start():
        return TrainConfig.from_mapping(values, args.config)


def add_resamples(parser: argparse.ArgumentParser) -> None:
    """Adds `--resamples`, the number of bootstrap resamples."""
    parser.add_argument(
        "--resamples",
        type=Range(1, 1_000_000, whole=True),
        default=2000,
        metavar="N",
        help="bootstrap resamples (default: 2000)",
    )


def add_threshold(
    parser: argparse._ActionsContainer, default: str | None, meaning: str
) -> None:
    """Adds `--threshold`, a rule for `choose_threshold`; `meaning` is the default's."""
    parser.add_argument(
        "--threshold",
        default=default,
        metavar="RULE",
        help="rule for the threshold on the validation part: youden, f1, "
        f"sensitivity:0.95, specificity:0.9, or a number (default: {meaning})",
    )


def as_rule(text: str) -> str | float:
    """Returns a rule of `choose_threshold`: a number, or the text itself."""
    try:
        return float(text)
    except ValueError:
        return text


def add_places(parser: argparse.ArgumentParser) -> None:
    """Adds the flags for the paths of a run's data."""
    parser.add_argument(
        "--data-dir", metavar="DIR", help="where the run's data set is, if it moved"
    )
    parser.add_argument(
        "--store-dir", metavar="DIR", help="where prepared ROIs are kept, if they moved"
    )
    parser.add_argument(
        "--case-lists", metavar="DIR", help="where its case lists are, if they moved"
    )


def add_data_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of commands that load the data of a run."""
    add_places(parser)
    parser.add_argument(
        "--allow-changed-data",
        action="store_true",
        help="continue even if images have changed since the training, with a note in "
        "every result",
    )


def open_run(args: argparse.Namespace, path: str | None = None) -> Run:
    """Opens a run, by default `args.run`, with the paths of `add_places`."""
    from keras_wa.training.fingerprint import PLACES, with_absolute_paths
    from keras_wa.training.run import Run

    run = Run.open(path or args.run)
    places = {field: getattr(args, field, None) for field in PLACES}
    moved = {field: place for field, place in places.items() if place is not None}
    config = with_absolute_paths(dataclasses.replace(run.config, **moved))
    if "store_dir" not in moved:
        config = with_present_store(config)
    return dataclasses.replace(run, config=config)


def with_present_store(config: TrainConfig) -> TrainConfig:
    """Returns a run's config with a store folder that exists or can be created.

    If the parent of the run's store folder is missing, for example because the project
    has been moved, the default folder is used, and a message is printed.
    """
    from keras_wa.training.fingerprint import absolute

    here = absolute("store_dir", TrainConfig.store_dir)
    around = Path(config.store_dir).parent
    if around.is_dir() or config.store_dir == here:
        return config
    say(
        f"{around} is missing: prepared ROIs are kept in {here}. Change it with "
        "--store-dir."
    )
    return dataclasses.replace(config, store_dir=here)
