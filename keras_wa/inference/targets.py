"""Finding targets: image files, and the ROIs in them."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from keras_wa.data.cropping import choose_spacing, without_spacing
from keras_wa.data.io import Box, kinds_of, open_image, passed_over
from keras_wa.detection import find_candidates
from keras_wa.errors import UserError
from keras_wa.files import walk_files
from keras_wa.inference.predicting import Target

# ROIs have a few hundred pixels a side, mammograms more than a thousand.
_LEAST_SIDE = 1000


def expand(words: Iterable[str], notes: list[str] | None = None) -> list[Target]:
    """Expands files, folders and patterns to targets.

    Args:
        words: files, folders (all images in them, see `kinds_of`) and patterns
            (`*.dcm`). An existing path is not interpreted as a pattern.
        notes: list to which a sentence is added on files that are left out of a folder.

    Returns:
        A target for each file, once, in the given order; those of a folder by name. A
        word without a match, or a folder without an image, gives one with an error.
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
        # The folders of a pattern need not exist either.
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
    """Finds the ROIs in each file.

    Args:
        targets: images, see `expand`.
        kind: `roi`: each file is an ROI; `mammogram`: candidates are detected; `auto`:
            a file of at least 1000 pixels a side is a mammogram; `one-lesion`: such a
            file is an error, since the ROIs are views of one lesion.
        pixel_spacing: pixel spacing of files without one.
        for_processing: see `open_image`.
        most: largest number of candidates in a mammogram.
        film: whether to leave out specks on a scanned film, see `find_candidates`.
        bits_stored: see `open_image`.

    Yields:
        Targets in the order of the images. Targets with an error are unchanged. A file
        that cannot be read, or a mammogram without candidates, gives an error.
    """
    for target in targets:
        if kind == "roi" or target.error:
            yield target
            continue
        file = target.file
        try:
            image = open_image(file, for_processing, bits_stored)
            if kind != "mammogram" and min(image.shape) < _LEAST_SIDE:
                yield Target(file, image=image)
                continue
            if kind == "one-lesion":
                raise UserError(
                    f"{file}: one lesion in a whole mammogram. Received: "
                    f"{image.shape[1]} by {image.shape[0]} pixels; expected an ROI. "
                    "Cut it out first, or give `kind='roi'`."
                )
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
