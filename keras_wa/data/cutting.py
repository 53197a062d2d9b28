"""From an image and a lesion's box or mask to the ROI, with what was found out."""

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
    """The lesion's box in a row of a case table, `None` if there is none."""
    sides = [row[f"box_{side}"] for side in ("left", "top", "width", "height")]
    return None if pd.isna(sides[0]) else Box(*(int(side) for side in sides))


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
    """Cuts the ROI of a lesion out of an image, or gives the image as it is.

    The pixel spacing is the one that the file states, else the one in the data set's
    table, else the user's option, else the data set's default; `spacing_from` says
    which: what in the file states it (`GreyImage.spacing_from`), `table`, `option` or
    `assumed`.

    Args:
        root: folder that the names are relative to.
        name: the image.
        options: how to cut; `crop` is `fixed` or `roi` if there is a box or a mask.
        box: of the lesion, in pixels of the image.
        mask: file of a mask of the lesion instead. One of another size than the image
            is taken to cover the same field.
        listed_spacing_mm: what the table says about this image.
        default_spacing_mm: what is known about the data set.
        size: height and width that the image must have, because the box is in its
            pixels.
        image: the image if it is decoded already; its name is for messages then.

    Returns:
        The ROI and its facts, see `Roi`. Without box and mask it is the whole image.

    Raises:
        UserError: a file cannot be read, the image has another size, the mask marks
            no lesion, the box lies beyond the image, or a fixed field of view is wanted
            and no pixel spacing is known.
    """
    if image is None:
        path = root / name
        image = open_image(path, options.for_processing, options.bits_stored)
    facts: dict[str, Any] = {"sources": {name: image.digest}}
    if image.notes:
        facts["notes"] = list(image.notes)
    if size is not None and image.shape != size:
        raise UserError(
            f"{root / name}: size of the image. Received: {image.shape[0]} by "
            f"{image.shape[1]} pixels; expected {size[0]} by {size[1]}, in which the "
            "lesions are marked. Use the original file."
        )
    spacing, origin = choose_spacing(
        image,
        (listed_spacing_mm, "table"),
        (options.pixel_spacing, "option"),
        (default_spacing_mm, "assumed"),
    )
    if spacing is not None:
        facts |= {"pixel_spacing_mm": spacing[0], "spacing_from": origin}
    if mask is not None:
        box, resized = _box_of_mask(root, mask, image, facts)
        facts["mask_resized"] = resized
    if box is None:
        window = Box(0, 0, image.shape[1], image.shape[0])
    elif spacing is None and options.crop == "fixed":
        raise UserError(
            f"{root / name}: pixel spacing. Received: {without_spacing(image)}; "
            f"expected one, to cut {options.field_mm:g} mm. Give `pixel_spacing`, "
            "or cut with `crop='roi'`."
        )
    else:
        # Without a spacing the window about a box is a square of pixels.
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
    """A `Dataset.read` that cuts about the box in each row of the case table.

    Args:
        root: see `cut_roi`.
        options: see there.
        default_spacing_mm: see there.
        size: see there.
    """

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
    """The pixel spacing to use, and where it is from.

    Args:
        image: with the spacing that its file states. What no mammogram has was left
            out, and noted, when it was decoded.
        others: other spacings, mm, each with its name, the most trusted first.

    Returns:
        The spacing between rows and between columns, mm, and the image's
        `spacing_from` or a name; `None` and `""` where it is unknown.
    """
    if image.spacing_mm is not None:
        return image.spacing_mm, image.spacing_from
    for spacing, origin in others:
        if spacing is not None:
            return (spacing, spacing), origin
    return None, ""


def without_spacing(image: GreyImage) -> str:
    """What an image without a pixel spacing has in its place, for messages."""
    # Such as "PixelSpacing (0028,0030): left out. …", kept as one clause.
    notes = [note for note in image.notes if "Spacing (" in note.partition(":")[0]]
    return "none in the file" + "".join(f" [{note}]" for note in notes)


def _box_of_mask(
    root: Path, mask: str, image: GreyImage, facts: dict[str, Any]
) -> tuple[Box, bool]:
    """The lesion's box in pixels of the image, and whether the mask had other ones."""
    marked = open_image(root / mask, for_processing=True)
    facts["sources"][mask] = marked.digest
    box = mask_box(marked.stored, str(root / mask))
    box = scale_box(box, marked.shape, image.shape)
    return box, marked.shape != image.shape
