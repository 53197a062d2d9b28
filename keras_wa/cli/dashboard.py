"""`keras-wa dashboard`."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path

from keras_wa.cli.messages import say, warn
from keras_wa.cli.starting import start_keras
from keras_wa.ranges import Range

EXAMPLE = "keras-wa dashboard runs --port 6006"

FOLDER = ".dashboard"
"""Default output folder, inside the folder of the runs."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    parser.add_argument(
        "runs",
        nargs="*",
        metavar="RUN",
        help="runs, or folders with runs at any depth, such as a comparison's "
        "(default: runs)",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on (default: 127.0.0.1, this machine only). "
        "TensorBoard has no password: everyone who can reach it sees everything",
    )
    parser.add_argument(
        "--port",
        type=Range(0, 2**16 - 1, whole=True),
        default=6006,
        metavar="N",
        help="default: 6006; 0: any free",
    )
    parser.add_argument(
        "--embeddings",
        type=Range(0, whole=True),
        default=1000,
        metavar="N",
        help="test ROIs of each run in the projector; each needs a pass through the "
        "network once (default: 1000)",
    )
    parser.add_argument(
        "--no-embeddings",
        dest="embeddings",
        action="store_const",
        const=0,
        help="run no network; the projector shows the results of earlier calls",
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        help=f"where to write (default: {FOLDER} in the folder of the runs, or a "
        f"separate {FOLDER}-… for a selection of runs); the runs are not changed",
    )
    parser.add_argument(
        "--build-only", action="store_true", help="write that folder, and exit"
    )


def run(args: argparse.Namespace) -> int:
    """Writes TensorBoard's files and serves them. Returns the exit code."""
    start_keras()
    from keras_wa.evaluate.dashboard.discovery import find_runs
    from keras_wa.evaluate.dashboard.event_export import build
    from keras_wa.evaluate.dashboard.tensorboard_server import require_free, show

    if not args.build_only:
        require_free(args.host, args.port)
    paths = [Path(each) for each in args.runs or ["runs"]]
    runs, notes = find_runs(paths)
    warn(notes)
    out = Path(args.out) if args.out else default_folder(paths)
    warn(build(out, runs, args.embeddings))
    say(f"{len(runs)} run{'s' * (len(runs) > 1)} in {out}")
    if args.build_only:
        say(f"Show them: tensorboard --logdir {out}")
        return 0
    show(
        out,
        args.host,
        args.port,
        lambda address: say(f"TensorBoard is at {address} (Ctrl-C stops it)."),
    )
    return 0


def default_folder(paths: Sequence[Path]) -> Path:
    """Returns the default output folder for runs or folders with runs.

    It is `.dashboard` in a single folder of runs. A selection has a separate folder,
    `.dashboard-XXXXXXXX` beside the first run or in the first folder: in the folder of
    all runs, the other runs would be treated as deleted, and computed again the next
    time. Files and missing paths are ignored; there must be a folder.
    """
    places = [path.resolve() for path in paths if path.is_dir()]
    first = places[0]
    is_run = (first / "config.json").is_file()
    if len(set(places)) == 1 and not is_run:
        return first / FOLDER
    # Independent of order and duplicates.
    names = "\n".join(sorted({place.as_posix() for place in places}))
    digest = hashlib.sha256(names.encode()).hexdigest()[:8]
    return (first.parent if is_run else first) / f"{FOLDER}-{digest}"
