"""`keras-wa serve`."""

from __future__ import annotations

import argparse
import importlib.util
import os

from keras_wa.cli.messages import say, warn
from keras_wa.cli.starting import start_keras
from keras_wa.errors import UserError

EXAMPLE = "keras-wa serve runs/NAME --port 8501"

_LIBRARIES = ("fastapi", "uvicorn", "python_multipart", "prometheus_client")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    parser.add_argument(
        "model", metavar="RUN", help="a run, a SavedModel of one, or a .keras file"
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on (default: 127.0.0.1, this machine alone)",
    )
    parser.add_argument(
        "--port", type=int, default=8501, metavar="N", help="default: 8501; 0: any free"
    )
    parser.add_argument(
        "--token",
        help="that each request has to bring, 'Authorization: Bearer TOKEN'; or set "
        "KERAS_WA_TOKEN, which other users of the machine do not see. A host that "
        "other machines can reach needs one",
    )
    parser.add_argument(
        "--max-megabytes",
        type=float,
        default=64,
        metavar="MB",
        help="size of a request (default: 64)",
    )
    parser.add_argument(
        "--max-pixels",
        type=int,
        default=2**26,
        metavar="N",
        help=f"of an image, height times width (default: {2**26})",
    )
    parser.add_argument(
        "--timeout",
        dest="timeout_s",
        type=float,
        default=30,
        metavar="SECONDS",
        help="from a request's arrival to its answer (default: 30)",
    )
    parser.add_argument(
        "--concurrency",
        type=int,
        default=128,
        metavar="N",
        help="predictions under way at once (default: 128)",
    )
    parser.add_argument(
        "--batch",
        type=int,
        default=32,
        metavar="N",
        help="ROIs that the network sees at once, at most (default: 32)",
    )
    parser.add_argument(
        "--wait-ms",
        type=float,
        default=1,
        metavar="MS",
        help="how long the first ROI of a batch waits for others (default: 1)",
    )


def run(args: argparse.Namespace) -> int:
    """Serves until it is stopped. Returns the exit code."""
    _require_libraries()
    from keras_wa.server.settings import Settings

    settings = Settings(
        host=args.host,
        port=args.port,
        token=args.token or os.environ.get("KERAS_WA_TOKEN", ""),
        max_megabytes=args.max_megabytes,
        max_pixels=args.max_pixels,
        timeout_s=args.timeout_s,
        concurrency=args.concurrency,
        batch=args.batch,
        wait_ms=args.wait_ms,
    )
    start_keras()
    from keras_wa.backend import require_tensorflow

    require_tensorflow("keras-wa serve")
    from keras_wa.inference.classifier import open_classifier
    from keras_wa.server.running import serve

    classifier = open_classifier(args.model)
    warn(classifier.notes)
    warn(["Research software. Not a medical device."])
    serve(
        classifier,
        settings,
        lambda address: say(f"Serving {args.model} at {address} (Ctrl-C stops it)."),
    )
    return 0


def _require_libraries() -> None:
    missing = [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"keras-wa serve needs further libraries. Received: no {missing[0]}; "
            "expected it to be installed: pip install 'keras_wa[serve]'."
        )
