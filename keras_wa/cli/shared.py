"""Arguments and messages that several commands share."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_wa.cli.messages import say, warn
from keras_wa.cli.paths import at_home
from keras_wa.data.finding import find_dataset, name_of_dataset
from keras_wa.data.registry import DATASETS
from keras_wa.ranges import Range

if TYPE_CHECKING:
    from keras_wa.training.config import TrainConfig
    from keras_wa.training.run import Run

PHANTOM_BANNER = (
    "PHANTOM: no data set is under {root}/, so this uses in-silico ROIs. Results on "
    "them say nothing clinical. Give --data-dir DIR to use your own images."
)

# Config field -> how its flag is parsed and explained. A flag that is not given leaves
# the field to the config file or to its default.
DATASET_FLAGS: dict[str, dict[str, Any]] = {
    "dataset": {
        "metavar": "NAME",
        "help": f"{', '.join(DATASETS)} (default: what is under data/)",
    },
    "data_dir": {"metavar": "DIR", "help": "root folder of the dataset"},
    "store_dir": {"metavar": "DIR", "help": "where prepared ROIs are kept"},
    "group_pattern": {
        "metavar": "REGEX",
        "help": "reads the patient out of a file name, for example '^(\\d+[a-z])'",
    },
    "lesion": {"help": "calcification (default), mass or all"},
    "crop": {
        "help": "how ROIs are cut out of mammograms: fixed (default: one field of view "
        "for all), roi (scaled to the lesion) or official (as the data set has them)"
    },
    "field_mm": {
        "type": float,
        "metavar": "MM",
        "help": "side of the field of view, of fixed crops and the phantom; 25.6",
    },
    "pixel_spacing": {
        "type": float,
        "metavar": "MM",
        "help": "assumed where the files state none",
    },
    "drop_without_callback": {
        "action": "bool",
        "help": "leave out BENIGN_WITHOUT_CALLBACK (by default it is benign)",
    },
    "for_processing": {
        "action": "bool",
        "help": "accept DICOM images meant for processing",
    },
    "bits_stored": {
        "type": int,
        "metavar": "N",
        "help": "bits of the values in 16-bit PNG, TIFF and PGM files, if fewer (12)",
    },
    "case_lists": {
        "metavar": "DIR",
        "help": "where CBIS-DDSM's case lists or CMMD's spreadsheet are, if not in "
        "--data-dir",
    },
    "limit": {"type": int, "metavar": "N", "help": "use at most N ROIs"},
    "data_seed": {"type": int, "metavar": "N", "help": "decides phantom and split"},
    "rois": {"type": int, "metavar": "N", "help": "ROIs in the phantom set"},
    "labelling": {"help": "of the phantom: descriptor or clinical"},
    "conspicuity": {"type": float, "metavar": "X", "help": "of the phantom; 1 = film"},
    "blur_mm": {
        "type": float,
        "metavar": "MM",
        "help": "of the phantom's film and scanner, standard deviation (default: 0.035 "
        "to 0.065, by patient)",
    },
    "image_size": {"type": int, "metavar": "PX", "help": "side of the ROI"},
}


def add_config_flags(
    parser: argparse.ArgumentParser, flags: dict[str, dict[str, Any]]
) -> None:
    """Adds `--config` and one flag for each config field."""
    parser.add_argument("--config", metavar="FILE", help="TOML file, see configs/")
    add_flags(parser, flags)


def add_flags(
    parser: argparse.ArgumentParser, flags: dict[str, dict[str, Any]]
) -> None:
    """Adds one flag for each field; a flag that is not given is None."""
    for field, options in flags.items():
        flag = f"--{field.replace('_', '-')}"
        if options.get("action") == "bool":
            options = {**options, "action": argparse.BooleanOptionalAction}
        parser.add_argument(flag, dest=field, default=None, **options)


def collect_config(args: argparse.Namespace) -> dict[str, Any]:
    """Field -> value from the config file, overridden by the flags that were given."""
    from keras_wa.training.config import TrainConfig, read_config_file

    values = at_home(read_config_file(args.config)) if args.config else {}
    fields = TrainConfig.__dataclass_fields__
    flags = {k: v for k, v in vars(args).items() if k in fields and v is not None}
    return {**values, **flags}


def choose_dataset(values: dict[str, Any], root: Path = Path("data")) -> dict[str, Any]:
    """Fills in the dataset and where it lies.

    A dataset that is named lies in the folder of its name under `data/`, unless another
    place is given. Without a name it is the one that is there, or the phantom, and that
    is said.
    """
    name, place = values.get("dataset"), values.get("data_dir")
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


def add_resamples(parser: argparse.ArgumentParser) -> None:
    """Adds `--resamples`, of the bootstrap."""
    parser.add_argument(
        "--resamples",
        type=Range(1, 1_000_000, whole=True),
        default=2000,
        metavar="N",
        help="bootstrap resamples (default: 2000)",
    )


def add_data_flags(parser: argparse.ArgumentParser) -> None:
    """Adds what a command that loads a run's data again takes."""
    parser.add_argument(
        "--data-dir", metavar="DIR", help="where the run's data set lies, if it moved"
    )
    parser.add_argument(
        "--store-dir", metavar="DIR", help="where prepared ROIs are kept, if they moved"
    )
    parser.add_argument(
        "--case-lists", metavar="DIR", help="where its case lists are, if they moved"
    )
    parser.add_argument(
        "--allow-changed-data",
        action="store_true",
        help="go on where images are no longer those of the training, with a note in "
        "every result",
    )


def open_run(args: argparse.Namespace) -> Run:
    """The run of a command with `add_data_flags`, with its data where they now lie."""
    from keras_wa.training.fingerprint import PLACES, with_absolute_paths
    from keras_wa.training.run import Run

    run = Run.open(args.run)
    places = {field: getattr(args, field) for field in PLACES}
    moved = {field: place for field, place in places.items() if place is not None}
    config = with_absolute_paths(dataclasses.replace(run.config, **moved))
    if "store_dir" not in moved:
        config = with_present_store(config)
    return dataclasses.replace(run, config=config)


def with_present_store(config: TrainConfig) -> TrainConfig:
    """A run's config with a store folder that is there or can be made.

    Where the folder around the run's own is gone, as after a move of the project, it
    is the default folder below the current one; a line is printed.
    """
    from keras_wa.training.config import TrainConfig
    from keras_wa.training.fingerprint import absolute

    here = absolute("store_dir", TrainConfig.store_dir)
    around = Path(config.store_dir).parent
    if around.is_dir() or config.store_dir == here:
        return config
    say(
        f"{around} is no longer there: prepared ROIs are kept in {here}. --store-dir "
        "names another place."
    )
    return dataclasses.replace(config, store_dir=here)
