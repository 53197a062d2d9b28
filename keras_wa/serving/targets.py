"""From what a user names to what is classified: files, and ROIs in them."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path

from keras_wa.datasets.cutting import choose_spacing
from keras_wa.detection import find_candidates
from keras_wa.errors import UserError
from keras_wa.files import walk_files
from keras_wa.imaging import Box, kinds_of, open_image, passed_over
from keras_wa.serving.predicting import Target

# ROIs are some hundred pixels a side, the smallest mammograms above a thousand.
_LEAST_SIDE = 1000


def expand(words: Iterable[str], notes: list[str] | None = None) -> list[Path]:
    """The image files that a user names.

    Args:
        words: files, folders (all images below them, see `kinds_of`) and patterns
            (`*.dcm`).
        notes: gets a sentence on what is left out of each folder.

    Returns:
        The files, each once, in the order named; a folder's by name.

    Raises:
        UserError: nothing has that name, or a folder holds no image.
    """
    found: dict[Path, None] = {}
    for word in words:
        path = Path(word)
        if path.is_dir():
            kinds = kinds_of(path, walk_files(path))
            named = [
                path / name
                for name, kind in kinds.items()
                if kind in ("dicom", "plain")
            ]
            if notes is not None:
                notes += [f"{path}: {note}" for note in passed_over(kinds)]
            expected = "images in it"
        elif path.exists():
            named, expected = [path], ""
        else:
            named = [Path(each) for each in sorted(glob.glob(word, recursive=True))]
            named = [each for each in named if each.is_file()]
            expected = "a file, a folder or a pattern that fits some"
        if not named:
            raise UserError(f"FILE {word}. Received: nothing; expected {expected}.")
        found |= dict.fromkeys(named)
    return list(found)


def find_targets(
    files: Iterable[Path],
    kind: str = "auto",
    spacing_mm: float | None = None,
    for_processing: bool = False,
    most: int = 10,
    film: bool = True,
    bits_stored: int | None = None,
) -> Iterator[Target]:
    """What is to be classified in each file.

    Args:
        files: images.
        kind: `roi`: each file is one; `mammogram`: lesions are looked for; `auto`: a
            file of at least 1000 pixels a side is a mammogram.
        spacing_mm: taken where a file states none.
        for_processing: as in `open_image`.
        most: candidates of a mammogram, at most.
        film: leave out specks on a scanned film, as in `find_candidates`.
        bits_stored: as in `open_image`.

    Yields:
        Targets in the order of the files. A file that cannot be read, or a mammogram
        in which nothing is found, is a target with an error.
    """
    for file in files:
        if kind == "roi":
            yield Target(file)
            continue
        try:
            image = open_image(file, for_processing, bits_stored)
            if kind == "auto" and min(image.shape) < _LEAST_SIDE:
                yield Target(file, image=image)
                continue
            spacing, _ = choose_spacing(image, (spacing_mm, "option"))
            if spacing is None:
                raise UserError(
                    f"{file}: pixel spacing. Received: none in the file; expected one, "
                    "to look for lesions. Give --pixel-spacing MM, or --box."
                )
            found = find_candidates(
                image.grey(), spacing, most_clusters=most, film=film
            )
        except UserError as error:
            yield Target(file, error=str(error))
            continue
        if not found:
            yield Target(file, error=f"{file}: no cluster of calcifications was found.")
        for cluster in found:
            left, top, right, bottom = cluster.box
            box = Box(left, top, right - left, bottom - top)
            yield Target(file, box=box, score=cluster.score, image=image)
