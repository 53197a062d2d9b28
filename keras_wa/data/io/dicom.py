"""Checks and decodes DICOM mammograms."""

from __future__ import annotations

import io

import pydicom
from numpy.typing import NDArray
from pydicom.encaps import get_frame
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID, ExplicitVRLittleEndian, RLELossless

from keras_wa.data.io.deflated import refuse_bomb
from keras_wa.data.io.display import grey_table
from keras_wa.data.io.file_kinds import begins_dicom
from keras_wa.data.io.frames import DECODERS, decode_frame
from keras_wa.data.io.header import DicomHeader, HeaderError
from keras_wa.data.io.image import GreyImage
from keras_wa.data.io.layout import PixelLayout, read_layout
from keras_wa.data.io.spacing import spacing_in_breast
from keras_wa.errors import UserError, in_one_line

LARGEST = 2**27
"""Largest number of pixels to decode; mammograms have up to about 40 million."""

# RLE encodes 128 bytes in two (PS3.5, G.3).
_RLE_GAIN = 64

_REST = 2**24


def decode_dicom(
    data: bytes, name: str, for_processing: bool = False, most_pixels: int = LARGEST
) -> GreyImage:
    """Decodes a DICOM file with one grey frame, without a digest.

    `name` is the file, for messages; `most_pixels` is checked before decoding.

    Raises:
        UserError: the file cannot be used; docs/dicom.md has the reasons.
    """
    # Twice the size of 16-bit pixels, and room for other elements.
    refuse_bomb(io.BytesIO(data), name, 4 * most_pixels + _REST)
    try:
        dataset = pydicom.dcmread(io.BytesIO(data), force=begins_dicom(data))
    except InvalidDicomError as error:
        raise UserError(
            f"{name}: not a DICOM file. Received: no 'DICM' at byte 128; expected a "
            "DICOM file with its preamble."
        ) from error
    except Exception as error:
        # pydicom can raise any exception for a damaged file.
        raise UserError(_damaged(name, error)) from error
    header = DicomHeader(dataset)
    try:
        syntax = _check_kind(dataset, header, name, for_processing)
        inverted = _is_inverted(header, name)
        layout = read_layout(header, most_pixels)
        _check_size(header, layout, syntax, name)
        frame = header.frame()
        to_grey = grey_table(frame, layout, inverted)
        pixels = _decode(header, layout, syntax, name)
        description = header.text("SeriesDescription")
        spacing, origin = spacing_in_breast(frame)
        notes = tuple(header.notes)
        return GreyImage(pixels, to_grey, spacing, origin, notes, description)
    except UserError:
        raise
    except HeaderError as error:
        raise UserError(f"{name}: {error}") from error
    except Exception as error:
        # pydicom parses elements lazily, see above.
        raise UserError(_damaged(name, error)) from error


def _damaged(name: str, error: Exception) -> str:
    return (
        f"{name}: the DICOM file is damaged or truncated ({in_one_line(error, 200)}). "
        "Expected: a whole file. Copy the file again."
    )


def _unfit(name: str, field: str, found: object, expected: str) -> UserError:
    return UserError(f"{name}: {field}. Received: {found}; expected {expected}")


def _check_kind(
    dataset: pydicom.FileDataset, header: DicomHeader, name: str, for_processing: bool
) -> UID:
    """Checks that the file is a single mammogram; returns its transfer syntax."""
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if not syntax and dataset.preamble is None:
        syntax = ExplicitVRLittleEndian  # Or implicit, which pydicom finds out.
    if not syntax:
        raise _unfit(
            name,
            "TransferSyntaxUID (0002,0010)",
            "nothing",
            "how the pixels are encoded. The file is damaged: copy it again.",
        )
    modality = header.text("Modality")
    if modality and modality.upper() != "MG":
        raise _unfit(
            name,
            "Modality (0008,0060)",
            repr(modality),
            "'MG' (mammography). Leave this file out, or convert it to PNG if it is a "
            "mammogram.",
        )
    intent = header.text("PresentationIntentType").upper()
    raw = UID(header.text("SOPClassUID")).name.endswith("For Processing")
    if (raw or intent == "FOR PROCESSING") and not for_processing:
        raise _unfit(
            name,
            "PresentationIntentType (0008,0068)",
            "'FOR PROCESSING', the detector's raw signal",
            "'FOR PRESENTATION'. Use the processed image, or `for_processing=True`.",
        )
    if not header.states("PixelData"):
        raise _unfit(
            name,
            "PixelData (7FE0,0010)",
            "nothing",
            "an image. The file is truncated or holds no image: copy it again or "
            "leave it out.",
        )
    frames = header.needed("NumberOfFrames", 1)
    if frames != 1:
        raise _unfit(
            name,
            "NumberOfFrames (0028,0008)",
            frames,
            "1. Several frames are slices or views, of which none is the mammogram: "
            "save the frame of interest as a separate file.",
        )
    return syntax


def _is_inverted(header: DicomHeader, name: str) -> bool:
    """Returns whether the smallest value of a grey image is white."""
    photometric = header.text("PhotometricInterpretation").upper()
    samples = header.needed("SamplesPerPixel", 1)
    if photometric not in ("MONOCHROME1", "MONOCHROME2") or samples != 1:
        raise _unfit(
            name,
            "PhotometricInterpretation (0028,0004)",
            f"{photometric!r} with {samples} samples per pixel",
            "'MONOCHROME1' or 'MONOCHROME2' with 1.",
        )
    return photometric == "MONOCHROME1"


def _check_size(
    header: DicomHeader, layout: PixelLayout, syntax: UID, name: str
) -> None:
    """Checks that the pixel data are as long as the header requires."""
    size, found = layout.size, len(header.data("PixelData"))
    if syntax.is_encapsulated:
        wrong = syntax == RLELossless and found * _RLE_GAIN < size
    else:
        # Some writers pad the data, by less than a row.
        row = layout.columns * layout.allocated // 8
        wrong = not size <= found < size + max(row, 2)
    if wrong:
        raise _unfit(
            name,
            "PixelData (7FE0,0010)",
            f"{found} bytes",
            f"{size} for {layout.rows} rows by {layout.columns} columns of "
            f"{layout.allocated} bits. The file is damaged or truncated: copy it "
            "again.",
        )


def _decode(
    header: DicomHeader, layout: PixelLayout, syntax: UID, name: str
) -> NDArray:
    """Returns stored values, (H, W), of an integer dtype."""
    if not syntax.is_encapsulated:
        # The array is a view of the file's bytes, unless they have to change.
        found = header.packed("PixelData", layout.allocated)
        pixels = found[: layout.rows * layout.columns].reshape(layout.shape)
        return _stored_values(pixels, layout.stored, layout.signed)
    if syntax != RLELossless and syntax not in DECODERS:
        raise _unfit(
            name,
            "TransferSyntaxUID (0002,0010)",
            syntax.name,
            "uncompressed pixels, RLE, JPEG, JPEG-LS or JPEG 2000. Save the file "
            "uncompressed.",
        )
    try:
        frame = get_frame(header.data("PixelData"), 0, number_of_frames=1)
        pixels, precision = decode_frame(frame, syntax, layout.shape, layout.allocated)
    except Exception as error:
        raise UserError(
            f"{name}: PixelData (7FE0,0010). Received: {syntax.name} that could not be "
            f"decoded: {in_one_line(error, 200)}; expected a whole image. Copy the "
            "file again."
        ) from error
    return _stored_values(pixels, precision or layout.stored, layout.signed)


def _stored_values(pixels: NDArray, bits: int, signed: bool) -> NDArray:
    """Converts the lowest bits of unsigned pixels to numbers."""
    spare = pixels.dtype.itemsize * 8 - bits
    kind = f"i{pixels.dtype.itemsize}" if signed else pixels.dtype
    if spare > 0:
        # Shifting up and down removes higher bits and extends the sign.
        return (pixels << spare).view(kind) >> spare
    return pixels.view(kind)
