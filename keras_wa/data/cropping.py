"""Crops the ROI of a lesion from an image, by a box or a mask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from keras_wa.data.dataset import Roi
from keras_wa.data.io import (
    Box,
    GreyImage,
    cut,
    mask_box,
    open_image,
    scale_box,
    window_of,
)
from keras_wa.data.options import ReadOptions
from keras_wa.errors import UserError


def box_of(row: pd.Series) -> Box | None:
    """Returns the lesion's box in a row of a case table, or None."""
    sides = [row[f"box_{side}"] for side in ("left", "top", "width", "height")]
    return None if pd.isna(sides[0]) else Box(*(int(side) for side in sides))


def open_sized(
    root: Path, name: str, options: ReadOptions, size: tuple[int, int] | None = None
) -> GreyImage:
    """Opens an image, which must have the given size, as published."""
    image = open_image(root / name, options.for_processing, options.bits_stored)
    if size is not None and image.shape != size:
        raise UserError(
            f"{root / name}: size of the image. Received: {image.shape[0]} by "
            f"{image.shape[1]} pixels; expected {size[0]} by {size[1]}, as published. "
            "Use the original file."
        )
    return image


def facts_of_file(image: GreyImage, name: str) -> dict[str, Any]:
    """Returns the facts about an image's file, see `Roi`."""
    facts: dict[str, Any] = {"sources": {name: image.digest}}
    return facts | {"notes": list(image.notes)} if image.notes else facts


def whole_roi(
    root: Path, name: str, options: ReadOptions, size: tuple[int, int] | None = None
) -> Roi:
    """Reads an image that is a whole ROI, without a spacing."""
    image = open_sized(root, name, options, size)
    return Roi(image.grey(), facts_of_file(image, name))


def cut_roi(
    root: Path,
    name: str,
    options: ReadOptions,
    box: Box | None = None,
    mask: str | None = None,
    listed_spacing_mm: float | None = None,
    default_spacing_mm: float | None = None,
    size: tuple[int, int] | None = None,
    image: GreyImage | None = None,
) -> Roi:
    """Crops the ROI of a lesion from an image, or returns the whole image.

    The pixel spacing is that of the file, else of the data set's table, else the user's
    option, else the data set's default. `spacing_from` is the source: the element of
    the file (`GreyImage.spacing_from`), `table`, `option` or `assumed`.

    Args:
        name: the image below `root`; also its key in `facts["sources"]`.
        box, mask: the lesion's box, or the file of its mask. A mask of another size is
            assumed to cover the same field. Without both, the ROI is the whole image.
        listed_spacing_mm: pixel spacing of this image in the table.
        size: required height and width of the image, if the box is in its pixels. Not
            checked for an `image` that is given.
        image: the decoded image, if available; its file is then not opened.
    """
    if image is None:
        image = open_sized(root, name, options, size)
    facts = facts_of_file(image, name)
    spacing, origin = choose_spacing(
        image,
        (listed_spacing_mm, "table"),
        (options.pixel_spacing, "option"),
        (default_spacing_mm, "assumed"),
    )
    if spacing is not None:
        facts |= {"pixel_spacing_mm": spacing[0], "spacing_from": origin}
    if mask is not None:
        marked = open_image(root / mask, for_processing=True)
        box = mask_box(marked.stored, str(root / mask))
        box = scale_box(box, marked.shape, image.shape)
        facts["sources"][mask] = marked.digest
        facts["mask_resized"] = marked.shape != image.shape
    if box is None:
        window = Box(0, 0, image.shape[1], image.shape[0])
    elif spacing is None and options.crop == "fixed":
        raise UserError(
            f"{root / name}: pixel spacing. Received: {without_spacing(image)}; "
            f"expected one, to cut {options.field_mm:g} mm. Give `pixel_spacing`, "
            "or cut with `crop='roi'`."
        )
    else:
        # Without a spacing the window around a box is a square of pixels.
        window = window_of(box, options.crop, options.field_mm, spacing or (1.0, 1.0))
    try:
        pixels, facts["padding"] = cut(image, window)
    except UserError as error:
        raise UserError(f"{root / name}: {error}") from error
    facts["window"] = [window.left, window.top, window.width, window.height]
    if spacing is not None:
        facts["size_mm"] = [window.height * spacing[0], window.width * spacing[1]]
    return Roi(pixels, facts)


def cut_boxes(
    root: Path,
    options: ReadOptions,
    default_spacing_mm: float,
    size: tuple[int, int] | None = None,
) -> Callable[[pd.Series], Roi]:
    """Returns a `Dataset.read` that crops by the box in each row of the case table."""

    def read(row: pd.Series) -> Roi:
        return cut_roi(
            root,
            row["image_path"],
            options,
            box=box_of(row),
            default_spacing_mm=default_spacing_mm,
            size=size,
        )

    return read


def choose_spacing(
    image: GreyImage, *others: tuple[float | None, str]
) -> tuple[tuple[float, float] | None, str]:
    """Returns the pixel spacing of rows and columns to use, mm, and its source.

    That of the file goes before the `others`, each with its name, the most reliable
    first. None and `""` if unknown.
    """
    if image.spacing_mm is not None:
        return image.spacing_mm, image.spacing_from
    for spacing, origin in others:
        if spacing is not None:
            return (spacing, spacing), origin
    return None, ""


def without_spacing(image: GreyImage) -> str:
    """Describes the missing pixel spacing of an image, for messages."""
    # Such as "PixelSpacing (0028,0030): left out. …", kept as one clause.
    notes = [note for note in image.notes if "Spacing (" in note.partition(":")[0]]
    return "none in the file" + "".join(f" [{note}]" for note in notes)
