"""`keras-wa prepare`."""

from __future__ import annotations

import argparse

from keras_wa.cli.flags import add_config, add_settings
from keras_wa.cli.messages import say, warn
from keras_wa.cli.ray_flag import add_ray, on_ray, rois_in_tasks
from keras_wa.cli.shared import data_settings
from keras_wa.data.loading import DataSettings, enhanced_images, load_store

EXAMPLE = "keras-wa prepare --dataset folder --data-dir DIR --image-size 224"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    add_config(parser)
    add_ray(parser)
    add_settings(parser, DataSettings)


def run(args: argparse.Namespace) -> int:
    """Prepares a dataset. Returns the exit code."""
    settings = data_settings(args)
    with on_ray(args):
        store = load_store(settings, distribute=rois_in_tasks(args))
    enhanced_images(store, settings)
    warn(store.notes)
    say(f"{len(store.cases)} ROIs are ready: {store.path}")
    return 0
