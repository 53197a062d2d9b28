"""Writes mammograms in every transfer syntax."""

from __future__ import annotations

from pathlib import Path

import gdcm
import imagecodecs
import numpy as np
import pydicom
from pydicom import uid
from pydicom.encaps import encapsulate

from tests.data.io.dicom_files import dicom_bytes, dicom_dataset

_BY_GDCM = {
    uid.JPEGBaseline8Bit: gdcm.TransferSyntax.JPEGBaselineProcess1,
    uid.JPEGExtended12Bit: gdcm.TransferSyntax.JPEGExtendedProcess2_4,
    uid.JPEGLossless: gdcm.TransferSyntax.JPEGLosslessProcess14,
    uid.JPEGLosslessSV1: gdcm.TransferSyntax.JPEGLosslessProcess14_1,
}


def tissue(dtype=np.uint16, bits: int = 12) -> np.ndarray:
    """A smooth field with grain, which every compression finds natural."""
    y, x = np.mgrid[:48, :40] / 48
    grain = np.random.default_rng(1).normal(0, 0.02, x.shape)
    field = 0.5 + 0.3 * np.sin(5 * x + 3 * y) + grain
    low = -(2 ** (bits - 1)) if np.dtype(dtype).kind == "i" else 0
    return (np.clip(field, 0, 1) * (2**bits - 1) + low).astype(dtype)


def compressed(
    folder: Path, pixels: np.ndarray, bits: int, syntax: uid.UID
) -> pydicom.Dataset:
    """A mammogram in a transfer syntax, as pydicom reads it back."""
    plain = dicom_dataset(pixels, bits=bits)
    path = folder / "compressed.dcm"
    if syntax == uid.JPEGExtended12Bit and bits == 12:
        # GDCM writes a precision of 16 for it, which is none of this process.
        frame = imagecodecs.jpeg8_encode(pixels, bitspersample=12, level=95)
        plain.PixelData = encapsulate([frame])
        plain["PixelData"].VR = "OB"
        plain.file_meta.TransferSyntaxUID = syntax
        path.write_bytes(dicom_bytes(plain))
    elif syntax in _BY_GDCM:
        source = folder / "plain.dcm"
        source.write_bytes(dicom_bytes(plain))
        reader = gdcm.ImageReader()
        reader.SetFileName(str(source))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(_BY_GDCM[syntax]))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(path))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
    else:
        settings = {
            uid.JPEGLSNearLossless: {"jls_error": 2},
            uid.JPEG2000: {"j2k_cr": [4]},
        }
        plain.compress(syntax, **settings.get(syntax, {}))
        path.write_bytes(dicom_bytes(plain))
    dataset = pydicom.dcmread(path)
    assert dataset.file_meta.TransferSyntaxUID == syntax
    return dataset
