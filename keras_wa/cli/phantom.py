"""`keras-wa phantom`."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2

from keras_wa.cli.shared import say
from keras_wa.errors import UserError
from keras_wa.files import replacing
from keras_wa.phantom import PhantomSpec, best_possible_auc, phantom_cases, render_rois
from keras_wa.progress import ProgressBar

DESCRIPTION = "Draw in-silico ROIs: a contact sheet, or the ROIs as PNG class folders."
EXAMPLE = "keras-wa phantom --preview phantom.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    parser.add_argument("--preview", metavar="PNG", help="write a contact sheet")
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="write the ROIs, as --dataset folder reads them",
    )
    parser.add_argument("--rois", type=int, default=1872, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--size", type=int, default=224, metavar="PX")
    parser.add_argument("--field-mm", type=float, default=25.6, metavar="MM")
    parser.add_argument("--labelling", default="descriptor")
    parser.add_argument("--conspicuity", type=float, default=1.0, metavar="X")


def run(args: argparse.Namespace) -> int:
    """Draws. Returns the exit code."""
    if not (args.preview or args.out):
        raise UserError("Nothing to write. Give --preview PNG or --out DIR.")
    spec = PhantomSpec(
        seed=args.seed,
        size=args.size,
        field_mm=args.field_mm,
        labelling=args.labelling,
        conspicuity=args.conspicuity,
    )
    if args.preview:
        # Not at the top: it imports matplotlib.
        from keras_wa.phantom.preview import write_preview

        write_preview(spec, args.preview)
        say(f"Phantom contact sheet: {args.preview}")
    if args.out:
        _write_rois(spec, args.rois, Path(args.out))
    say(f"Best possible AUC ({spec.labelling}): {best_possible_auc(spec):.3f}")
    return 0


def _write_rois(spec: PhantomSpec, n: int, out: Path) -> None:
    """Writes PNG files in the layout that `--dataset folder` reads."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists already. Name another --out directory.")
    cases = phantom_cases(spec, n=n)
    with ProgressBar("Drawing phantom ROIs", n) as bar:
        images = render_rois(
            spec, cases, progress=lambda done, _: bar.advance(done - bar.done)
        )
    classes = cases["label"].map({0: "benign", 1: "malignant"})
    names = cases["patient_id"] + "__" + cases["roi_id"] + ".png"
    out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(out) as partial:
        for image, *parts in zip(images, cases["split"], classes, names, strict=True):
            path = partial.joinpath(*parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
    say(
        f"{n} phantom ROIs: {out}. Read them with --dataset folder --data-dir {out} "
        "--group-pattern '^(.+?)__'"
    )
