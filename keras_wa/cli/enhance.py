"""`keras-wa enhance`."""

from __future__ import annotations

import argparse

from keras_wa.cli.flags import add_config, add_settings
from keras_wa.cli.messages import say, warn
from keras_wa.cli.shared import add_resamples, data_settings
from keras_wa.data.loading import DataSettings
from keras_wa.ranges import Range

EXAMPLE = "keras-wa enhance --dataset phantom --n 512 --out enhancement/phantom"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    add_config(parser)
    # `--n` sets the number of ROIs. `limit` keeps whole patients, for training.
    add_settings(
        parser, DataSettings, without=("limit", "store_dir", "labelling", "enhance")
    )
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
    """Measures the enhancement and writes the results. Returns the exit code."""
    from keras_wa.evaluate.enhance_dataset import enhance_dataset
    from keras_wa.evaluate.image_quality_table import format_table

    out, record = enhance_dataset(data_settings(args), args.n, args.resamples, args.out)
    say(format_table(record["measures"]))
    warn(record["notes"])
    say(f"Written: {out / 'table1.md'}, {out / 'figure1.png'}")
    return 0
