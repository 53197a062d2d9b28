"""`keras-wa phantom`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_wa.cli.flags import flag_of
from keras_wa.cli.messages import say, warn
from keras_wa.data.background_rois import background_cases, render_on_backgrounds
from keras_wa.data.backgrounds import find_backgrounds
from keras_wa.data.io.spacing import CREDIBLE_MM
from keras_wa.data.options import LESIONS
from keras_wa.data.phantom_tree.phantom_lists import (
    limit_rois,
    phantom_case_lists,
)
from keras_wa.data.phantom_tree.phantom_settings import TreeSettings
from keras_wa.data.phantom_tree.phantom_tree import TRUTH_FILE, write_phantom_tree
from keras_wa.data.readers.cbis_ddsm import (
    absent_lists,
    find_case_lists,
    read_case_lists,
)
from keras_wa.errors import UserError, unknown_name
from keras_wa.files import make_folder, replacing
from keras_wa.phantom import PhantomSpec, best_possible_auc, phantom_cases, render_rois
from keras_wa.progress import ProgressBar
from keras_wa.ranges import Range

EXAMPLE = "keras-wa phantom --preview phantom.png"

LAYOUTS = ("folders", "tcia")
BACKGROUNDS_FILE = "backgrounds.csv"

_ROIS = 1872
_HEIGHT, _WIDTH = TreeSettings.image_shape
# Field -> options and default of its flag. The parser stores None for a flag that is
# not given, so that flags of the other layout are detected.
_TREE_FLAGS: dict[str, tuple[dict[str, Any], Any]] = {
    "case_lists": (
        {"metavar": "FOLDER", "help": "real case lists to follow (else invented ones)"},
        None,
    ),
    "lesion": ({"help": f"{', '.join(LESIONS)} (default: calcification)"}, LESIONS[0]),
    "image_height": (
        {"type": int, "metavar": "PX", "help": f"default {_HEIGHT}"},
        _HEIGHT,
    ),
    "image_width": (
        {"type": int, "metavar": "PX", "help": f"default {_WIDTH}"},
        _WIDTH,
    ),
    "pixel_mm": (
        {
            "type": float,
            "metavar": "MM",
            "help": f"size of a pixel, {TreeSettings.pixel_mm:g}",
        },
        TreeSettings.pixel_mm,
    ),
    "compress": ({"help": "rle (default) or none"}, TreeSettings.compress),
    "swapped": (
        {
            "type": float,
            "metavar": "SHARE",
            "help": f"crop and mask swapped, {TreeSettings.swapped:g}",
        },
        TreeSettings.swapped,
    ),
    "mismatched": (
        {
            "type": float,
            "metavar": "SHARE",
            "help": f"mask of another size, {TreeSettings.mismatched:g}",
        },
        TreeSettings.mismatched,
    ),
    "names": (
        {"help": "of files: old (000000.dcm) or new (1-1.dcm)"},
        TreeSettings.names,
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    parser.add_argument("folder", nargs="?", metavar="DIR", help="the same as --out")
    parser.add_argument("--preview", metavar="PNG", help="write a contact sheet")
    parser.add_argument("--out", metavar="DIR", help="where the ROIs are written")
    parser.add_argument(
        "--layout",
        default="folders",
        help="folders (PNG, as --dataset folder reads them; default) or tcia (DICOM, "
        "as --dataset cbis-ddsm reads them)",
    )
    parser.add_argument(
        "--rois",
        type=Range(1, 10_000_000, whole=True),
        metavar="N",
        help=f"default {_ROIS}, or all of --case-lists or --background",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--size", type=int, default=224, metavar="PX")
    parser.add_argument("--field-mm", type=float, default=25.6, metavar="MM")
    parser.add_argument("--labelling", default="descriptor")
    parser.add_argument("--conspicuity", type=float, default=1.0, metavar="X")
    parser.add_argument("--blur-mm", type=float, metavar="MM")
    parser.add_argument(
        "--projected-views",
        action="store_true",
        help="draw a lesion in CC and MLO as projections of the same particles, not "
        "each with its own",
    )
    real = parser.add_argument_group("for --layout folders")
    real.add_argument(
        "--background",
        metavar="DIR",
        help="insert the calcifications into normal tissue of the images in DIR",
    )
    real.add_argument(
        "--pixel-spacing",
        type=Range(*CREDIBLE_MM),
        metavar="MM",
        help="pixel spacing of --background files that state none",
    )
    tree = parser.add_argument_group("for --layout tcia")
    for field, (options, _) in _TREE_FLAGS.items():
        tree.add_argument(flag_of(field), dest=field, **options)


def run(args: argparse.Namespace) -> int:
    """Draws and writes phantom ROIs. Returns the exit code."""
    out = _out(args)
    spec = PhantomSpec(
        seed=args.seed,
        size=args.size,
        field_mm=args.field_mm,
        labelling=args.labelling,
        conspicuity=args.conspicuity,
        blur_mm=args.blur_mm,
        projected_views=args.projected_views,
    )
    if args.preview:
        # Imported here, since it loads matplotlib.
        from keras_wa.phantom.preview import write_preview

        write_preview(spec, args.preview)
        say(f"Phantom contact sheet: {args.preview}")
    if out is not None and args.layout == "tcia":
        return _write_tree(spec, args, out)
    if out is not None:
        _write_rois(spec, args, out)
    say(f"Best possible AUC ({spec.labelling}): {best_possible_auc(spec):.3f}")
    return 0


def _out(args: argparse.Namespace) -> Path | None:
    """Checks flags that depend on each other, and returns the output folder."""
    if args.layout not in LAYOUTS:
        raise unknown_name("--layout", args.layout, LAYOUTS)
    if args.folder and args.out:
        raise UserError(
            f"The folder is named twice. Received: {args.folder} and --out {args.out}; "
            "expected one of them."
        )
    out = args.folder or args.out
    if args.background is not None and not out:
        raise UserError("No folder to write. Give --out DIR with --background.")
    if args.pixel_spacing is not None and args.background is None:
        raise UserError(
            f"--pixel-spacing needs --background. Received: {args.pixel_spacing:g}; "
            "expected --background DIR with it."
        )
    if args.layout == "tcia":
        if args.background is not None:
            raise UserError(
                "--background needs --layout folders. Received: --layout tcia; "
                "expected one of them."
            )
        if not out:
            raise UserError("No folder to write. Give --layout tcia DIR.")
    else:
        if not (args.preview or out):
            raise UserError("Nothing to write. Give --preview PNG or --out DIR.")
        given = [field for field in _TREE_FLAGS if getattr(args, field) is not None]
        if given:
            raise UserError(
                f"{flag_of(given[0])} needs --layout tcia. Received: --layout "
                f"{args.layout}; expected --layout tcia with it."
            )
    return Path(out) if out else None


def _write_tree(spec: PhantomSpec, args: argparse.Namespace, out: Path) -> int:
    """Writes DICOM files in the layout that `--dataset cbis-ddsm` reads."""
    values = {
        field: default if getattr(args, field) is None else getattr(args, field)
        for field, (_, default) in _TREE_FLAGS.items()
    }
    cases = _cases(spec, values["case_lists"], values["lesion"], args.rois)
    make_folder(out.parent)
    truth = write_phantom_tree(
        out,
        cases,
        spec,
        image_shape=(values["image_height"], values["image_width"]),
        **{
            field: values[field]
            for field in ("compress", "swapped", "mismatched", "names", "pixel_mm")
        },
    )
    rois = truth.drop_duplicates("roi_id")
    films = cases["full_listed"].nunique()
    say(
        f"{len(rois)} phantom ROIs on {films} mammograms: {out}. "
        f"Crop and mask swapped: {rois['swapped'].sum()}, mask of another size: "
        f"{rois['mask_resized'].sum()}. What was drawn where: {out / TRUTH_FILE}."
    )
    lesion = "" if values["lesion"] == LESIONS[0] else f" --lesion {values['lesion']}"
    say(f"Read them with --dataset cbis-ddsm --data-dir {out}{lesion}")
    return 0


def _cases(
    spec: PhantomSpec, folder: str | None, lesion: str, rois: int | None
) -> pd.DataFrame:
    if lesion not in LESIONS:
        raise unknown_name("--lesion", lesion, LESIONS)
    if folder is None:
        return phantom_case_lists(spec, _ROIS if rois is None else rois, lesion)
    paths = find_case_lists(Path(folder), lesion)
    lists = read_case_lists(paths)
    warn([*absent_lists(paths, lesion), *lists.notes])
    return lists.cases if rois is None else limit_rois(lists.cases, rois)


def _write_rois(spec: PhantomSpec, args: argparse.Namespace, out: Path) -> None:
    """Writes PNG files in the layout that `--dataset folder` reads."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} already exists. Name another --out directory.")
    table = None
    if args.background is not None:
        images, cases, table = _on_backgrounds(spec, args)
    else:
        cases = phantom_cases(spec, n=_ROIS if args.rois is None else args.rois)
        with ProgressBar("Drawing phantom ROIs") as bar:
            images = render_rois(spec, cases, progress=_showing(bar))
    classes = cases["label"].map({0: "benign", 1: "malignant"})
    names = cases["patient_id"] + "__" + cases["roi_id"] + ".png"
    out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(out) as partial:
        for image, *parts in zip(images, cases["split"], classes, names, strict=True):
            path = partial.joinpath(*parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
        if table is not None:
            table.to_csv(partial / BACKGROUNDS_FILE, index=False)
    say(
        f"{len(cases)} phantom ROIs: {out}. Read them with --dataset folder --data-dir "
        f"{out} --group-pattern '^(.+?)__'"
    )


def _on_backgrounds(
    spec: PhantomSpec, args: argparse.Namespace
) -> tuple[NDArray[np.uint8], pd.DataFrame, pd.DataFrame]:
    """Draws the ROIs of `--background`; returns pixels, cases and sources of tissue."""
    root = Path(args.background)
    with ProgressBar("Searching the backgrounds") as bar:
        found = find_backgrounds(root, spec, args.pixel_spacing, _showing(bar))
    warn(found.notes)
    n = found.n_disjoint if args.rois is None else args.rois
    cases, squares = background_cases(found, spec, n)
    with ProgressBar("Inserting calcifications") as bar:
        images, table = render_on_backgrounds(root, spec, cases, squares, _showing(bar))
    noise = table["noise_ratio"]
    say(
        f"Backgrounds: {found.n_disjoint} squares of {spec.field_mm:g} mm on "
        f"{len(found.tissues)} images. Their noise, and with it the contrast, is "
        f"{noise.median():.2f} times the phantom's ({noise.min():.2f} to "
        f"{noise.max():.2f})."
    )
    if n > found.n_disjoint:
        warn([f"{n} ROIs on {found.n_disjoint} squares: some overlap or repeat."])
    patients = cases["patient_id"].nunique()
    warn(
        [
            f"{patients} patients: each subfolder of {root} is one, and each image "
            "directly in it."
        ]
    )
    return images, cases, table


def _showing(bar: ProgressBar) -> Callable[[int, int], None]:
    def show(done: int, total: int) -> None:
        bar.total = total
        bar.advance(done - bar.done)

    return show
