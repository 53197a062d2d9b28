"""`keras-wa audit`."""

from __future__ import annotations

import argparse
import dataclasses

from keras_wa.cli.flags import add_settings
from keras_wa.cli.messages import say, warn
from keras_wa.cli.ray_flag import add_ray, on_ray, rois_in_tasks
from keras_wa.cli.shared import add_resamples, choose_dataset
from keras_wa.data import ReadOptions, load_cases
from keras_wa.data.loading import ReadSettings
from keras_wa.data.registry import DATASETS
from keras_wa.files import make_folder
from keras_wa.phantom import PhantomSpec
from keras_wa.ranges import Range
from keras_wa.settings import range_of

EXAMPLE = "keras-wa audit folder --data-dir DIR --group-pattern '^(\\d+)'"


_READING = (
    *("lesion", "crop", "field_mm", "pixel_spacing", "drop_without_callback"),
    *("for_processing", "bits_stored", "case_lists"),
)
_FLAGS = ("data_dir", "group_pattern", *_READING, "limit")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    parser.add_argument(
        "dataset",
        metavar="DATASET",
        help=f"one of {', '.join(DATASETS)}, or of a plug-in",
    )
    add_settings(parser, ReadSettings, only=_FLAGS)
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="where audit.html and audit.json go (default: audits/DATASET)",
    )
    parser.add_argument(
        "--split",
        default="official",
        help="official (default), patient-kfold or random-roi",
    )
    parser.add_argument(
        "--limit-images",
        type=Range(0, whole=True),
        metavar="N",
        help="read the pixels of at most N ROIs; 0: metadata only",
    )
    add_ray(parser)
    add_resamples(parser)
    parser.add_argument(
        "--seed", type=range_of(PhantomSpec, "seed"), default=0, metavar="N"
    )


def run(args: argparse.Namespace) -> int:
    """Audits a dataset. Returns the exit code, 0 for any findings."""
    # Imported here, so that --help does not load scikit-learn.
    from keras_wa.cli.audit_findings import print_report
    from keras_wa.evaluate.audit.audit_page import write_page
    from keras_wa.evaluate.audit.checks import check_split_name, run_audit
    from keras_wa.evaluate.audit.record import write_record

    check_split_name(args.split)
    given = {"dataset": args.dataset, "data_dir": args.data_dir}
    place = choose_dataset({name: value for name, value in given.items() if value})
    dataset = load_cases(
        args.dataset,
        data_dir=place.get("data_dir"),
        group_pattern=args.group_pattern,
        limit=args.limit,
        seed=args.seed,
        options=_options(args),
    )
    out = make_folder(args.out or f"audits/{args.dataset}")
    with on_ray(args):
        report, images = run_audit(
            dataset,
            split=args.split,
            seed=args.seed,
            resamples=args.resamples,
            limit_images=args.limit_images,
            distribute=rois_in_tasks(args),
        )
    data = {"data_dir": place.get("data_dir"), "limit": args.limit, **dataset.source}
    report = dataclasses.replace(report, settings={**data, **report.settings})
    write_record(report, out / "audit.json")
    write_page(report, images, out / "audit.html")
    warn(report.notes)
    print_report(report)
    say(f"\nWritten: {out / 'audit.html'}, {out / 'audit.json'}")
    return 0


def _options(args: argparse.Namespace) -> ReadOptions:
    """Returns the read options; missing or damaged files are reported, not rejected."""
    given = {name: getattr(args, name) for name in _READING}
    return ReadOptions(
        **{name: value for name, value in given.items() if value is not None},
        require_files=False,
        patients_apart=False,
    )
