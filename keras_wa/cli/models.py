"""`keras-wa models`."""

from __future__ import annotations

import argparse
import json
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import keras_wa
from keras_wa.cli.messages import as_flags, say
from keras_wa.cli.starting import start_keras
from keras_wa.errors import UserError
from keras_wa.phantom import PhantomSpec
from keras_wa.progress import track
from keras_wa.settings import range_of

EXAMPLE = "keras-wa models --image-size 224"

# Recorded output of `keras-wa models --model NAME`: building all models takes half a
# minute.
_RECORDED = json.loads(
    (Path(keras_wa.__file__).parent / "models" / "sizes.json").read_text()
)
_COUNTED = "GFLOPs of one forward pass; a multiply-add counts two."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    parser.add_argument(
        "--model", metavar="NAME", help="show this one, with its options' defaults"
    )
    parser.add_argument(
        "--image-size",
        type=range_of(PhantomSpec, "size"),
        default=224,
        metavar="PX",
        help="side of the ROI (default: 224)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print JSON instead of a table"
    )


def run(args: argparse.Namespace) -> int:
    """Lists the recorded models, or builds and measures one. Returns the exit code."""
    is_recorded = args.model is None and args.image_size == _RECORDED["image_size"]
    recorded = _RECORDED["models"] if is_recorded else []
    if recorded and not entry_points(group="keras_wa.models"):
        return _show(args, recorded)
    start_keras()
    from keras_wa.models import list_models, model_options

    names = [n for n in list_models() if n not in {row["name"] for row in recorded}]
    if args.model is not None:
        model_options(args.model)  # Rejects an unknown name.
        names = [args.model]
    counted = [_row(name, args.image_size) for name in track(names, "Counting")]
    rows = [*recorded, *counted]
    if args.model is not None:
        rows[0]["options"] = model_options(args.model)
    return _show(args, rows)


def _show(args: argparse.Namespace, rows: list[dict[str, Any]]) -> int:
    if args.json:
        record = {"image_size": args.image_size, "models": rows}
        say(json.dumps(record, indent=2, allow_nan=False))
        return 0
    say(_table(rows, args.image_size))
    if args.model is not None:
        say("\nOption = default (--model-option NAME=VALUE):")
        for option, default in rows[0]["options"].items():
            say(f"  {option} = {default}")
    return 0


def _row(name: str, image_size: int) -> dict[str, Any]:
    import keras

    from keras_wa.models import create_model
    from keras_wa.models.registry import model_source
    from keras_wa.training.cost import count_gflops

    row: dict[str, Any] = {"name": name, "parameters": None, "gflops": None}
    try:
        model = create_model(name, image_size=image_size)
        row["parameters"] = model.count_params()
        counted = count_gflops(model)
        row["gflops"] = None if counted is None else round(counted, 6)
    except UserError as error:
        row["refused"] = as_flags(str(error))  # The size is too small for the model.
    # Otherwise the graphs of all models stay in memory.
    keras.backend.clear_session()
    return {**row, "source": model_source(name)}


def _gflops(row: dict[str, Any]) -> str:
    return "-" if row["gflops"] is None else f"{row['gflops']:.2f}"


def _table(rows: list[dict[str, Any]], image_size: int) -> str:
    width = max(len(row["name"]) for row in rows)
    lines = [f"{'model':{width}}  params, M  GFLOPs  source"]
    for row in rows:
        numbers = (
            f"{row['parameters'] / 1e6:9.2f}  {_gflops(row):>6}"
            if "refused" not in row
            else f"{'-':>9}  {'-':>6}"
        )
        about = row.get("refused", row["source"])
        lines.append(f"{row['name']:{width}}  {numbers}  {about}")
    return "\n".join([*lines, f"At {image_size}x{image_size}: {_COUNTED}"])
