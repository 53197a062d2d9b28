"""What users' image files are like, one kind of oddity each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pydicom import Dataset
from pydicom.uid import BreastTomosynthesisImageStorage

from tests.data.io.dicom_files import bytes_with, dicom_dataset, look_up_table

UID = "MG.1.2.840.113619.2.66.10001"
TWELVE_BITS = (0, 2048, 4095)


def stripes(shape: tuple[int, int], values: tuple[int, int, int]) -> np.ndarray:
    """Vertical stripes of three values by turns, uint16."""
    columns = np.resize(np.repeat(values, 4), shape[1])
    return np.tile(columns.astype(np.uint16), (shape[0], 1))


@dataclasses.dataclass(frozen=True)
class Kind:
    """A striped image in a file that is odd in one way.

    Attributes:
        values: the stripes, as the file stores them.
        grey: their grey levels, if they are read right.
        header: what its DICOM header has besides; gives fields of `dicom_dataset`.
        elements: raw elements, as of `bytes_with`.
        name: of the file, if that is not the reader's own name and `.dcm`.
        plain: it is a 16-bit PNG.
        beside: a black PNG of the same name is beside it.
        options: of `ReadOptions`.
        spacing: mm between rows, and what states it; `None` if the file does not.
        note: a part of what has to be said; `""` if nothing.
    """

    values: tuple[int, int, int] = TWELVE_BITS
    grey: tuple[int, int, int] = (0, 128, 255)
    header: Callable[[], Mapping[str, Any]] = dict
    elements: Mapping[str, tuple[str, bytes]] = dataclasses.field(default_factory=dict)
    name: str = ""
    plain: bool = False
    beside: bool = False
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    spacing: tuple[float, str] | None = None
    note: str = ""

    def data(self, shape: tuple[int, int], **fields: Any) -> bytes:
        """The file; `fields` are what a reader needs in its header."""
        pixels = stripes(shape, self.values)
        if self.plain:
            return cv2.imencode(".png", pixels)[1].tobytes()
        known = {"bits": 12, **fields, **self.header()}
        return bytes_with(dicom_dataset(pixels, **known), **self.elements)

    def write(
        self, folder: Path, stem: str, shape: tuple[int, int], **fields: Any
    ) -> Path:
        """Writes it, and what lies beside it."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / (self.name or f"{stem}{'.png' if self.plain else '.dcm'}")
        path.write_bytes(self.data(shape, **fields))
        if self.beside:
            black = np.zeros(shape, np.uint8)
            assert cv2.imwrite(str(path.with_suffix(".png")), black)
        return path

    def shown(self, shape: tuple[int, int]) -> np.ndarray:
        """The image as it is meant, uint8."""
        return stripes(shape, self.grey).astype(np.uint8)


def _enhanced() -> dict[str, Any]:
    window, measures, groups = Dataset(), Dataset(), Dataset()
    window.WindowCenter, window.WindowWidth = 512, 512
    measures.PixelSpacing = [0.1, 0.1]
    groups.FrameVOILUTSequence = [window]
    groups.PixelMeasuresSequence = [measures]
    return {
        "bits": 10,
        "SOPClassUID": BreastTomosynthesisImageStorage,
        "NumberOfFrames": 1,
        "SharedFunctionalGroupsSequence": [groups],
    }


def _signed_table() -> dict[str, Any]:
    table = look_up_table(0, 16, [0, 32768, 65535])
    del table.LUTData
    table.add_new("LUTData", "SS", [0, -32768, -1])
    return {"bits": 16, "VOILUTSequence": [table]}


KINDS = {
    "named by its UID": Kind(name=UID),
    "PNG beside it": Kind(beside=True, note="left out because"),
    "12 bits in 16": Kind(
        plain=True,
        grey=(0, 8, 16),
        note="grey range: the file's values reach 4095 of 65535",
    ),
    "12 bits in 16, given": Kind(plain=True, options={"bits_stored": 12}),
    "DICOM of 12 bits in 16": Kind(
        header=lambda: {"bits": 16},
        grey=(0, 8, 16),
        note="grey range: grey levels 8 to 16 of 255",
    ),
    "magnification view": Kind(
        header=lambda: {
            "PixelSpacing": [0.07, 0.07],
            "ImagerPixelSpacing": [0.07, 0.07],
            "EstimatedRadiographicMagnificationFactor": 1.8,
        },
        spacing=(
            0.07 / 1.8,
            "PixelSpacing / EstimatedRadiographicMagnificationFactor",
        ),
        note="magnification: PixelSpacing (0.07 mm) was divided by 1.8",
    ),
    "enhanced frame": Kind(
        values=(256, 512, 768), header=_enhanced, spacing=(0.1, "PixelSpacing")
    ),
    "table with VR SS": Kind(values=(0, 1, 2), header=_signed_table),
    "decimal comma": Kind(
        elements={"PixelSpacing": ("DS", b"0,085\\0,085")},
        spacing=(0.085, "PixelSpacing"),
    ),
    "spacing that is no number": Kind(
        elements={"PixelSpacing": ("DS", b"85 um\\85 um")},
        note="PixelSpacing (0028,0030)",
    ),
}
