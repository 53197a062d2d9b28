"""`keras-wa prepare`."""

from __future__ import annotations

import argparse

from keras_wa.cli.messages import say, warn
from keras_wa.cli.shared import (
    DATASET_FLAGS,
    add_config_flags,
    choose_dataset,
    collect_config,
)
from keras_wa.cli.starting import quiet_start

EXAMPLE = "keras-wa prepare --dataset folder --data-dir DIR --image-size 224"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    add_config_flags(parser, DATASET_FLAGS)


def run(args: argparse.Namespace) -> int:
    """Prepares. Returns the exit code."""
    with quiet_start():
        from keras_wa.training.config import TrainConfig
        from keras_wa.training.data import enhanced_images, load_store

    values = choose_dataset(collect_config(args))
    config = TrainConfig.from_mapping(values, args.config or "command line")
    store = load_store(config)
    enhanced_images(store, config)
    warn(store.notes)
    say(f"{len(store.cases)} ROIs are ready: {store.path}")
    return 0
