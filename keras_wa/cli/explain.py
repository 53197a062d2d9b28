"""`keras-wa explain`."""

from __future__ import annotations

import argparse

from keras_wa.cli.messages import say, warn
from keras_wa.cli.shared import add_data_flags, open_run
from keras_wa.cli.starting import start_keras
from keras_wa.ranges import Range

EXAMPLE = "keras-wa explain runs/NAME --split test --n 200"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    parser.add_argument("run", metavar="RUN", help="run directory of train.py")
    parser.add_argument(
        "--split", default="test", help="train, val or test (default: test)"
    )
    parser.add_argument(
        "--n",
        type=Range(1, whole=True),
        default=200,
        help="number of ROIs, drawn at random (default: 200)",
    )
    parser.add_argument(
        "--method", default="gradcam", help="gradcam (default) or occlusion"
    )
    parser.add_argument(
        "--layer",
        metavar="NAME",
        help="for gradcam: layer whose feature map is explained (default: the last one "
        "of at least 14x14)",
    )
    parser.add_argument(
        "--patch",
        type=Range(1, whole=True),
        metavar="PX",
        help="for occlusion: side of the patch (default: an eighth of the ROI)",
    )
    parser.add_argument(
        "--stride",
        type=Range(1, whole=True),
        metavar="PX",
        help="for occlusion: step between patches (default: half a patch)",
    )
    parser.add_argument(
        "--tolerance",
        type=Range(0),
        default=0.0,
        metavar="PX",
        help="for the pointing game: distance from the mask that still counts as a hit "
        "(default: 0)",
    )
    parser.add_argument(
        "--random",
        type=Range(0, 10_000, whole=True),
        default=3,
        metavar="N",
        help="number of networks with random weights to compare with (default: 3)",
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="where to write (default: RUN/evaluation/SPLIT/explain, and "
        "explain-occlusion for occlusion)",
    )
    add_data_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Computes heat maps, scores them and writes the results. Returns the exit code."""
    start_keras()
    from keras_wa.backend import require_tensorflow
    from keras_wa.evaluate.explain_run import explain_run
    from keras_wa.explain.score_record import format_scores

    require_tensorflow("keras-wa explain")
    out, results = explain_run(
        open_run(args),
        args.split,
        args.n,
        args.method,
        layer=args.layer,
        patch=args.patch,
        stride=args.stride,
        tolerance=args.tolerance,
        random=args.random,
        out=args.out,
        allow_changed_data=args.allow_changed_data,
    )
    say(format_scores(results))
    mask_note = results["localisation_note"]
    warn([*results["notes"], *([mask_note] if mask_note else [])])
    say(f"Written: {out}")
    return 0
