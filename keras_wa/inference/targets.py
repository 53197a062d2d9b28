"""From what a user names to what is classified: files, and ROIs in them."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from keras_wa.data.cutting import choose_spacing, without_spacing
from keras_wa.data.io import Box, kinds_of, open_image, passed_over
from keras_wa.detection import find_candidates
from keras_wa.errors import UserError
from keras_wa.files import walk_files
from keras_wa.inference.predicting import Target

# ROIs are some hundred pixels a side, the smallest mammograms above a thousand.
_LEAST_SIDE = 1000


def expand(words: Iterable[str], notes: list[str] | None = None) -> list[Target]:
    """The images that a user names.

    Args:
        words: files, folders (all images below them, see `kinds_of`) and patterns
            (`*.dcm`). What is there is no pattern, whatever characters it has.
        notes: gets a sentence on what is left out of each folder.

    Returns:
        A target for each file, each once, in the order named; a folder's by name. A
        word that names nothing, or a folder without an image, is one with an error.
    """
    found: dict[Path, Target] = {}
    for word in words:
        try:
            named = _named(word, [] if notes is None else notes)
            targets = {file: Target(file) for file in named}
        except UserError as error:
            targets = {Path(word): Target(Path(word), error=str(error))}
        found |= {file: each for file, each in targets.items() if file not in found}
    return list(found.values())


def _named(word: str, notes: list[str]) -> list[Path]:
    path = Path(word)
    if os.path.isdir(word):
        kinds = kinds_of(path, walk_files(path))
        named = [path / name for name in kinds if kinds[name] in ("dicom", "plain")]
        notes += [f"{path}: {note}" for note in passed_over(kinds)]
        expected = "images in it"
    elif os.path.lexists(word):
        named, expected = [path], ""
    else:
        # So are the folders before a pattern.
        there = next(filter(os.path.lexists, (*path.parents, Path())))
        pattern = Path(glob.escape(str(there)), *path.parts[len(there.parts) :])
        found = sorted(glob.glob(str(pattern), recursive=True))
        named = [each for each in map(Path, found) if each.is_file()]
        expected = "a file, a folder or a pattern that fits some"
    if not named:
        raise UserError(f"FILE {word}. Received: nothing; expected {expected}.")
    return named


def find_targets(
    targets: Iterable[Target],
    kind: str = "auto",
    pixel_spacing: float | None = None,
    for_processing: bool = False,
    most: int = 10,
    film: bool = True,
    bits_stored: int | None = None,
) -> Iterator[Target]:
    """What is to be classified in each file.

    Args:
        targets: images, as of `expand`.
        kind: `roi`: each file is one; `mammogram`: lesions are looked for; `auto`: a
            file of at least 1000 pixels a side is a mammogram.
        pixel_spacing: taken where a file states none.
        for_processing: as in `open_image`.
        most: candidates of a mammogram, at most.
        film: leave out specks on a scanned film, as in `find_candidates`.
        bits_stored: as in `open_image`.

    Yields:
        Targets in the order of the images. One with an error stays as it is. A file
        that cannot be read, or a mammogram in which nothing is found, is one too.
    """
    for target in targets:
        if kind == "roi" or target.error:
            yield target
            continue
        file = target.file
        try:
            image = open_image(file, for_processing, bits_stored)
            if kind == "auto" and min(image.shape) < _LEAST_SIDE:
                yield Target(file, image=image)
                continue
            spacing, _ = choose_spacing(image, (pixel_spacing, "option"))
            if spacing is None:
                raise UserError(
                    f"{file}: pixel spacing. Received: {without_spacing(image)}; "
                    "expected one, to look for lesions. Give `pixel_spacing`, or "
                    "the `box`."
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
