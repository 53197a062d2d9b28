"""Checks of the options that several models share."""

from __future__ import annotations

from typing import Annotated, Any

from keras_wa.errors import UserError
from keras_wa.ranges import Range

Count = Annotated[int, Range(1, 10_000, whole=True)]
"""Type of an option that counts something, such as layers or heads."""

Fraction = Annotated[float, Range(0, 1, below=True)]
"""Type of an option such as a momentum or a dropout rate."""

CLASSES = (2, 3)
"""2: benign, malignant. 3: benign without callback, benign, malignant."""


def check_choice(option: str, value: Any, choices: tuple[Any, ...]) -> None:
    """Raises `UserError` if an option's value is not one of the choices."""
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise UserError(f"`{option}` must be one of {listed}. Received: {value!r}")


def check_image_size(image_size: int, even: bool = False) -> None:
    """Raises `UserError` if the side of an ROI is too small or not allowed to be odd.

    Args:
        image_size: side of the ROI, pixels.
        even: whether to refuse an odd side, which the first DWT would pad.
    """
    if image_size < 32 or (even and image_size % 2):
        kind = "an even number of" if even else "a number of"
        near = "32" if image_size < 32 else f"{image_size - 1} or {image_size + 1}"
        raise UserError(
            f"`image_size` must be {kind} pixels, at least 32; the nearest: {near}. "
            f"Received: {image_size}"
        )
