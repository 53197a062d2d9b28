"""mini-MIAS, digitised films of the Mammographic Image Analysis Society (1994)."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path, PurePosixPath

from keras_wa.data.cropping import cut_boxes
from keras_wa.data.dataset import Dataset
from keras_wa.data.finalizing import (
    Row,
    Skipped,
    build_dataset,
    refuse_official_crops,
)
from keras_wa.data.io import kinds_of, stem_of
from keras_wa.data.options import ReadOptions
from keras_wa.data.tables import find_file
from keras_wa.errors import UserError
from keras_wa.files import walk_files

LISTS = ("Info.txt", "README", "README.txt")
"""Names of the list of films in the different archives of mini-MIAS."""

SIDE = 1024
"""Height and width of every image, pixels."""

SPACING_MM = 0.2
"""Edge of a pixel, mm."""

_TYPES = {
    "CALC": "calcification",
    "CIRC": "mass",
    "SPIC": "mass",
    "MISC": "mass",
    "ARCH": None,
    "ASYM": None,
}
_LABELS = {"B": (0, "BENIGN"), "M": (1, "MALIGNANT")}
_LINE = re.compile(r"\s*(mdb(\d{3}))\s+(.*)", re.IGNORECASE)
_FULL_SIZE = re.compile(r"^\s*mdb\d{3}[lr][smlx]\b", re.IGNORECASE | re.MULTILINE)
_FILM = re.compile(r"mdb\d{3}")
_WHOLE = re.compile(r"\d+")


def read_mini_mias(
    data_dir: str | os.PathLike[str], options: ReadOptions, seed: int = 0
) -> Dataset:
    """Reads mini-MIAS: one row per abnormality with a position.

    Two consecutive films, such as mdb001 and mdb002, are of one woman. Abnormalities
    without a position (calcifications all over the breast) and normal films are left
    out. The list counts y from the bottom, the boxes count from the top. The images
    `mdb001.pgm` to `mdb322.pgm` are found at any depth. CALC is a calcification; CIRC,
    SPIC and MISC are masses; ARCH and ASYM are neither and need `lesion="all"`.

    Raises:
        UserError: the list is missing or is that of the full-size MIAS, `crop` is
            `official`, or nothing is left.
    """
    refuse_official_crops(options, "mini-MIAS")
    root = Path(data_dir)
    listing = find_file(root, LISTS, "mini-MIAS's list of films")
    entries, skipped, normal = _read_list(listing)
    images, spare = _find_images(root)
    rows: list[Row] = []
    lost: list[Row] = []
    for entry in entries:
        film = entry.pop("film")
        path = images.get(film)
        if path is None and options.require_files:
            skipped.append((f"{film}.pgm", "the image is missing."))
            lost.append(entry)
            continue
        rows.append({**entry, "image_path": path or f"{film}.pgm"})
    return build_dataset(
        "mini-mias",
        root,
        rows,
        cut_boxes(root, options, SPACING_MM, size=(SIDE, SIDE)),
        options,
        seed,
        skipped=skipped,
        lost=lost,
        notes=[
            "mini-MIAS: the label is the severity in its list, benign or malignant; "
            f"{normal} normal films have no abnormality and are not read. Its "
            "background tissue (fatty, glandular, dense) is no BI-RADS density, so "
            "density is missing.",
            f"mini-MIAS has {SPACING_MM} mm per pixel, coarser than single "
            "microcalcifications.",
            *spare,
        ],
    )


def _read_list(listing: Path) -> tuple[list[Row], Skipped, int]:
    """Returns rows with their film, skipped lines, and the number of normal films."""
    try:
        text = listing.read_text(encoding="latin-1")
    except OSError as error:
        raise UserError(
            f"{listing}: cannot be read ({error.strerror or error}). Expected: "
            "mini-MIAS's list of films."
        ) from error
    entries: list[Row] = []
    skipped: Skipped = []
    normal: set[str] = set()
    seen: set[str] = set()
    counts: Counter[str] = Counter()
    for number, line in enumerate(text.splitlines(), start=1):
        match = _LINE.fullmatch(line)
        if match is None:
            continue  # The header and the notes about the list.
        film = match[1].lower()
        fields = match[3].split()
        if [field.upper() for field in fields[1:2]] == ["NORM"]:
            normal.add(film)
            continue
        counts[film] += 1
        again = " ".join([film, *fields]).upper()
        try:
            entry = _parse(film, int(match[2]), counts[film], fields)
            if again in seen:
                raise UserError("repeated.")
        except UserError as error:
            skipped.append((listing.name, f"line {number}, {film}: {error}"))
        else:
            entries.append(entry)
            seen.add(again)
    if not entries and not normal:
        full_size = _FULL_SIZE.search(text)
        raise UserError(
            f"{listing}: lines such as 'mdb001 G CIRC B 535 425 197'. Received: "
            + (
                "names such as mdb001lm, of the full-size MIAS with other coordinates; "
                "expected the list of mini-MIAS."
                if full_size
                else "none; expected the list of mini-MIAS."
            )
        )
    return entries, skipped, len(normal)


def _parse(film: str, number: int, lesion: int, fields: list[str]) -> Row:
    """Returns a row of the case table; the error is the reason why there is none."""
    values = [*(field.upper() for field in fields), "", "", ""][:3]
    tissue, kind, severity = values
    for what, value, known, expected in (
        ("background tissue", tissue, "FGD", "F, G or D"),
        ("class of abnormality", kind, _TYPES, f"one of {', '.join(_TYPES)} or NORM"),
        ("severity", severity, _LABELS, "B or M"),
    ):
        if value not in [*known]:
            raise UserError(f"{what}. Received: {value!r}; expected {expected}.")
    place = fields[3:6]
    if len(place) < 3 or not all(_WHOLE.fullmatch(field) for field in place):
        shown = " ".join(fields[3:]) or "nothing"
        raise UserError(
            f"no place of the abnormality. Received: {shown}; expected x, y and "
            "radius, without which there is no ROI to cut."
        )
    x, y, radius = (int(field) for field in place)
    if not (x < SIDE and y < SIDE and 0 < radius <= SIDE):
        raise UserError(
            f"place of the abnormality. Received: x {x}, y {y}, radius {radius}; "
            f"expected a point in an image of {SIDE} by {SIDE} pixels."
        )
    label, pathology = _LABELS[severity]
    first = number - 1 + number % 2
    return {
        "film": film,
        "roi_id": f"{film}_{lesion}",
        "patient_id": f"mdb{first:03d}-{first + 1:03d}",
        "view": "MLO",
        "lesion": str(lesion),
        "lesion_type": _TYPES[kind],
        "label": label,
        "pathology": pathology,
        "morphology": kind,
        "box_left": x - radius,
        "box_top": SIDE - 1 - y - radius,
        "box_width": 2 * radius + 1,
        "box_height": 2 * radius + 1,
    }


def _find_images(root: Path) -> tuple[dict[str, str], list[str]]:
    """Returns the image path of each film, and a note on ignored copies.

    The PGM is the original; other formats are copies.
    """
    found: dict[str, list[str]] = {}
    for path, kind in kinds_of(root, walk_files(root)).items():
        film = PurePosixPath(stem_of(path)).name.lower()
        if kind != "other" and _FILM.fullmatch(film):
            found.setdefault(film, []).append(path)
    for paths in found.values():
        paths.sort(key=lambda path: (not path.lower().endswith(".pgm"), path))
    spare = [path for paths in found.values() for path in paths[1:]]
    note = (
        "Images left out because another file of the same film is read: "
        f"{len(spare)}, such as {min(spare)}."
        if spare
        else ""
    )
    return {film: paths[0] for film, paths in found.items()}, [note] if note else []
