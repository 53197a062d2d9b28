"""`keras-wa serve`."""

from __future__ import annotations

import argparse
import importlib.util
import os

from keras_wa.cli.flags import add_settings, given_settings
from keras_wa.cli.messages import say, warn
from keras_wa.cli.starting import start_keras
from keras_wa.errors import UserError
from keras_wa.export.cards import DISCLAIMER
from keras_wa.server.limits import ServerSettings

EXAMPLE = "keras-wa serve runs/NAME --port 8501"

_LIBRARIES = ("fastapi", "uvicorn", "python_multipart", "prometheus_client")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    parser.add_argument(
        "model", metavar="RUN", help="a run, its SavedModel, a preset or a .keras file"
    )
    add_settings(parser, ServerSettings)


def run(args: argparse.Namespace) -> int:
    """Runs the service until it is stopped. Returns the exit code."""
    _require_libraries()
    given = given_settings(args, ServerSettings)
    given["token"] = args.token or os.environ.get("KERAS_WA_TOKEN", "")
    settings = ServerSettings(**given)
    start_keras()
    from keras_wa.backend import require_tensorflow

    require_tensorflow("keras-wa serve")
    from keras_wa.inference.classifier import open_classifier
    from keras_wa.server.running import serve

    classifier = open_classifier(args.model)
    warn([*classifier.notes, DISCLAIMER])
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
