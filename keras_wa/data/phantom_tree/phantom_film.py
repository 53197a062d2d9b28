"""Writes the files of one phantom film: the mammogram, crop and mask of each ROI."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from keras_wa.data.io import Box, mask_box
from keras_wa.data.phantom_tree.phantom_dicom import Identity, write_phantom_dicom
from keras_wa.data.phantom_tree.phantom_settings import (
    TreeSettings,
    describe_full,
    number_of,
    quirks_of,
)
from keras_wa.errors import UserError
from keras_wa.files import remove_partials
from keras_wa.phantom.film import Abnormality, Film, plan_film
from keras_wa.phantom.lesions import Placed

# Margin of a crop around the box of its mask, as a share of the box's longer side.
_CROP_MARGIN = 0.05


@dataclasses.dataclass(frozen=True)
class _File:
    """A file to write: its path in the case list, and its content."""

    listed: str
    description: str
    pixels: Callable[[], NDArray]
    marked: bool = False


def write_film(
    root: Path, settings: TreeSettings, rows: Sequence[Mapping[Any, Any]]
) -> list[dict[str, Any]]:
    """Writes the missing files of one film, which `rows` of the case lists share.

    Returns:
        The ground truth, one mapping per particle.
    """
    film = _plan(settings, rows)
    draw = functools.cache(film.draw)
    full = rows[0]["full_listed"]
    files = [_File(full, describe_full(film.name, settings), draw, marked=True)]
    truth = []
    for row, lesion in zip(rows, film.placed, strict=True):
        quirks = quirks_of(row["roi_id"], settings)
        crop, mask = row["crop_listed"], row["mask_listed"]
        if quirks.swapped:
            crop, mask = mask, crop
        window = _crop_window(film, lesion)
        files += [
            _File(crop, quirks.crop, functools.partial(_cut, draw, window)),
            _File(
                mask,
                quirks.mask,
                functools.partial(lesion.mask, quirks.mask_shape, film.breast.shape),
            ),
        ]
        facts = {
            "roi_id": row["roi_id"],
            "swapped": quirks.swapped,
            "mask_resized": quirks.mask_shape != settings.image_shape,
            "described": quirks.described,
            **{f"crop_{side}": n for side, n in dataclasses.asdict(window).items()},
        }
        truth += [{**facts, **place} for place in _places(lesion)]
    for file in files:
        _write(root, settings, film, file)
    return truth


def _plan(settings: TreeSettings, rows: Sequence[Mapping[Any, Any]]) -> Film:
    first = rows[0]
    name = first["full_listed"].split("/")[0]
    try:
        return plan_film(
            settings.spec,
            settings.image_shape,
            settings.pixel_mm,
            name,
            patient=_text(first["patient_id"]),
            side=_text(first["breast"]),
            view=_text(first["view"]),
            density=_count(first["density"]),
            findings=[
                Abnormality(
                    name=row["roi_id"],
                    mass=row["lesion_type"] == "mass",
                    morphology=_text(row["morphology"]),
                    distribution=_text(row["distribution"]),
                    subtlety=_count(row["subtlety"]),
                    lesion=_lesion(row),
                )
                for row in rows
            ],
        )
    except UserError as error:
        raise UserError(f"{name}: {error}") from error


def _write(root: Path, settings: TreeSettings, film: Film, file: _File) -> None:
    target = root / settings.path(file.listed)
    if target.exists():
        return
    if target.parent.is_dir():
        remove_partials(target.parent)
    case, study, series, _ = file.listed.split("/")
    identity = Identity(
        case=case,
        study=study,
        series=series,
        instance=number_of(file.listed) + 1,
        side=film.side,
        view=film.view,
        description=file.description,
    )
    rle = settings.compress == "rle"
    write_phantom_dicom(target, file.pixels(), identity, rle, file.marked)


def _cut(draw: Callable[[], NDArray], window: Box) -> NDArray:
    rows = slice(window.top, window.top + window.height)
    return draw()[rows, window.left : window.left + window.width]


def _crop_window(film: Film, lesion: Placed) -> Box:
    """Returns the window of the crop: the mask's box with a margin, within the film."""
    rows, columns = film.breast.shape
    box = mask_box(lesion.mask((rows, columns), (rows, columns)), film.name)
    margin = max(2, round(_CROP_MARGIN * max(box.width, box.height)))
    left, top = max(box.left - margin, 0), max(box.top - margin, 0)
    right = min(box.left + box.width + margin, columns)
    bottom = min(box.top + box.height + margin, rows)
    return Box(left, top, right - left, bottom - top)


def _places(lesion: Placed) -> list[dict[str, Any]]:
    """Returns the centre of each particle on the film."""
    mm = lesion.pixel_mm
    return [
        {
            "particle": k,
            "x_px": round(float(x), 3),
            "y_px": round(float(y), 3),
            # From the film's corner, half a pixel before the first pixel's centre.
            "x_mm": round(float(x + 0.5) * mm, 4),
            "y_mm": round(float(y + 0.5) * mm, 4),
        }
        for k, (x, y) in enumerate(zip(*lesion.centres(), strict=True))
    ]


def _lesion(row: Mapping[Any, Any]) -> str:
    """Returns a name that the rows of one lesion share."""
    parts = ("lesion_type", "patient_id", "breast", "lesion")
    return " ".join(_text(row[part]) for part in parts)


def _text(value: Any) -> str:
    return "" if pd.isna(value) else str(value)


def _count(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)
