"""`keras-wa predict`."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import itertools
import os
import sys
from pathlib import Path
from typing import Any, TextIO

from keras_wa.cli.prediction_outputs import (
    STDOUT,
    Outputs,
    check_outputs,
    folder_of,
    journal_of,
)
from keras_wa.cli.ray_flag import add_ray, on_ray
from keras_wa.cli.starting import begun, start_keras, without_collecting
from keras_wa.data import ReadOptions
from keras_wa.errors import UserError, unknown_name
from keras_wa.export.cards import trained_bits
from keras_wa.ranges import Range
from keras_wa.settings import range_of

EXAMPLE = "keras-wa predict runs/NAME image.dcm --box 1200,800,240,200 --overlay out"

_KINDS = ("auto", "roi", "mammogram")

_HINT = "--one-lesion takes all ROIs as views of one lesion."
_TOGETHER = "One lesion: the probability is that of its readable ROIs together."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a run, its SavedModel, a preset or a .keras file",
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="images, folders of them, or patterns"
    )
    parser.add_argument(
        "--as",
        dest="kind",
        default="auto",
        metavar="KIND",
        help="kind of the files: roi, mammogram (clusters are detected), or auto "
        "(default): mammogram if at least 1000 px a side",
    )
    parser.add_argument(
        "--box",
        metavar="L,T,W,H",
        help="the lesion in a single FILE: left, top, width, height in pixels",
    )
    parser.add_argument(
        "--mask", metavar="IMAGE", help="a mask of the lesion in a single FILE"
    )
    parser.add_argument(
        "--crop", help="fixed or roi (default: as in the model's training)"
    )
    parser.add_argument(
        "--pixel-spacing",
        type=range_of(ReadOptions, "pixel_spacing"),
        metavar="MM",
        help="pixel spacing of files that state none",
    )
    parser.add_argument(
        "--for-processing",
        action="store_true",
        help="accept DICOM images meant for processing",
    )
    parser.add_argument(
        "--bits-stored",
        type=range_of(ReadOptions, "bits_stored"),
        metavar="N",
        help="bits of the values in 16-bit PNG, TIFF and PGM files (default: those of "
        "the model's training images, else 16)",
    )
    parser.add_argument(
        "--digital",
        action="store_true",
        help="mammograms of a digital detector: keep sharp spots, which on film are "
        "dust",
    )
    parser.add_argument(
        "--most",
        type=Range(1, whole=True),
        default=10,
        metavar="N",
        help="maximum number of clusters per mammogram (default: 10)",
    )
    parser.add_argument(
        "--tta",
        type=Range(1, 8, whole=True),
        default=8,
        metavar="N",
        help="rotated and flipped copies of each ROI (test-time augmentation) for low "
        "and high, 1 to 8 (default: 8; 1 is fastest, without augmentation)",
    )
    parser.add_argument(
        "--one-lesion",
        action="store_true",
        help="the files are ROIs of one lesion, such as its views CC and MLO: one "
        "probability, by a model trained with --views two",
    )
    add_ray(parser)
    parser.add_argument(
        "--json", metavar="PATH", help="write JSON; - is stdout, without the table"
    )
    parser.add_argument(
        "--csv", metavar="PATH", help="write CSV; - is stdout, without the table"
    )
    parser.add_argument(
        "--overlay", metavar="DIR", help="write a picture of each ROI there"
    )
    parser.add_argument(
        "--dicom-out",
        metavar="DIR",
        help="write a structured report and a secondary capture of each DICOM image "
        "there",
    )


def run(args: argparse.Namespace) -> int:
    """Classifies images and writes the results. Returns the exit code."""
    _check(args)
    stdout = sys.stdout
    # Messages must not mix with results.
    to_stdout = STDOUT in (args.json, args.csv)
    with contextlib.redirect_stdout(sys.stderr if to_stdout else stdout):
        return _run(args, stdout)


def _run(args: argparse.Namespace, stdout: TextIO) -> int:
    from keras_wa.inference.targets import expand

    if args.bits_stored is None:
        args.bits_stored = trained_bits(args.model)

    left_out: list[str] = []
    named = _not_own(args, expand(args.files, left_out))
    for note in left_out:
        print(f"*** {note}", file=sys.stderr)
    if (args.box or args.mask) and len(named) > 1:
        raise UserError(f"--box and --mask are for one FILE. Received: {len(named)}.")
    check_outputs(args)
    # The first image is decoded and searched while TensorFlow starts, which saves a
    # second. The decoder's output on stderr is suppressed with TensorFlow's.
    folder = folder_of(args)
    begin_now = args.ray is None and not (folder and folder.exists())
    targets = begun(_targets(args, named)) if begin_now else None
    with without_collecting():
        classifier = _open(args.model)
    classifier = _with_views(classifier, args.one_lesion)
    from keras_wa.inference.predicting import BATCH, predict_targets
    from keras_wa.progress import ProgressBar

    options = classifier.read_options(
        args.crop,
        pixel_spacing=args.pixel_spacing,
        for_processing=args.for_processing,
        bits_stored=args.bits_stored,
    )
    files = [each.file for each in named]
    block = max(1, BATCH // args.tta)
    with journal_of(args, classifier, options, files, block) as journal:
        outputs = Outputs(args, classifier, journal, stdout)
        todo = named[journal.done :]
        if targets is None or journal.done:
            targets = _targets(args, todo)
        with on_ray(args), ProgressBar("Predicting", len(named)) as bar:
            bar.advance(journal.done)
            results = (
                predict_targets(
                    classifier, targets, options, args.tta, one_lesion=args.one_lesion
                )
                if args.ray is None
                else _predict_in_tasks(args, todo, options, block)
            )
            # A mammogram may have several predictions.
            for file, own in itertools.groupby(results, lambda each: each.target.file):
                outputs.add(file, list(own))
                bar.advance(1)
        return outputs.finish()


def _not_own(args: argparse.Namespace, named: list[Any]) -> list[Any]:
    """Leaves out what an earlier start of the same command has written."""
    own = tuple(
        os.path.join(os.path.abspath(folder), "")
        for folder in (args.overlay, args.dicom_out)
        if folder is not None
    )
    if not own:
        return named
    return [each for each in named if not os.path.abspath(each.file).startswith(own)]


def _open(model: str) -> Any:
    """Starts TensorFlow and loads the model."""
    start_keras()
    from keras_wa.backend import require_tensorflow

    require_tensorflow("keras-wa predict")
    from keras_wa.inference.classifier import open_classifier

    return open_classifier(model)


def _with_views(classifier: Any, one_lesion: bool) -> Any:
    """Returns the classifier with a note on how ROIs are taken together."""
    if classifier.views == "one":
        if one_lesion:
            raise UserError(
                f"--one-lesion. Received: {classifier.source}, a model of one view; "
                "expected one that was trained with --views two."
            )
        return classifier
    from keras_wa.inference.classifier import ALONE

    note = _TOGETHER if one_lesion else f"{ALONE} {_HINT}"
    notes = [each for each in classifier.notes if each != ALONE]
    return dataclasses.replace(classifier, notes=(*notes, note))


def _targets(args: argparse.Namespace, named: list[Any]) -> Any:
    from keras_wa.inference.targets import find_targets

    if args.box or args.mask:
        (one,) = named
        box = _box(args.box) if args.box else None
        mask = Path(args.mask) if args.mask else None
        return [dataclasses.replace(one, box=box, mask=mask)]
    return find_targets(named, **_finding(args))


def _finding(args: argparse.Namespace) -> dict[str, Any]:
    alone = args.one_lesion and args.kind == "auto"
    return {
        "kind": "one-lesion" if alone else args.kind,
        "pixel_spacing": args.pixel_spacing,
        "for_processing": args.for_processing,
        "most": args.most,
        "film": not args.digital,
        "bits_stored": args.bits_stored,
    }


def _predict_in_tasks(
    args: argparse.Namespace, named: list[Any], options: ReadOptions, block: int
) -> Any:
    """Returns the predictions of files, in order, by Ray tasks.

    Files of one ROI are in the batches that they are in without Ray.
    """
    from keras_wa.cluster.tasks import network_task, run_tasks
    from keras_wa.inference.file_predictor import FilePredictor, in_order
    from keras_wa.inference.targets import find_targets

    find = functools.partial(find_targets, **_finding(args))
    pixels = args.overlay is not None
    work = FilePredictor(args.model, find, options, args.tta, pixels)
    resources = network_task(memory=2_000_000_000)
    return in_order(named, run_tasks(work, named, resources, block, reuse=True))


def _box(text: str) -> Any:
    from keras_wa.data.io import Box

    try:
        left, top, width, height = (int(word) for word in text.split(","))
    except ValueError as error:
        raise UserError(
            f"--box. Received: {text!r}; expected four whole numbers L,T,W,H."
        ) from error
    if width < 1 or height < 1:
        raise UserError(
            f"--box. Received: {text!r}; expected a width and a height of at least 1."
        )
    return Box(left, top, width, height)


def _check(args: argparse.Namespace) -> None:
    if args.kind not in _KINDS:
        raise unknown_name("--as", args.kind, _KINDS)
    if args.ray is not None and (args.box or args.mask or args.one_lesion):
        raise UserError(
            "--ray. Received: --box, --mask or --one-lesion, which are of one lesion; "
            "expected many files."
        )
    if args.box and args.mask:
        raise UserError("Give --box or --mask. Received: both.")
    if args.json == STDOUT and args.csv == STDOUT:
        raise UserError("--json and --csv cannot both go to stdout.")
    if args.one_lesion and args.kind == "mammogram":
        raise UserError(
            "--one-lesion takes ROIs. Received: --as mammogram, whose clusters are "
            "several lesions; expected --as roi."
        )
