from __future__ import annotations

import numpy as np
import pytest
from pydicom.pixels.decoders.rle import _rle_decode_frame

from keras_wa.data.io import open_image
from keras_wa.data.phantom_tree.phantom_dicom import rle_frame
from tests.data.io.dicom_files import dicom_dataset

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 65536, (33, 300), dtype=np.uint16)
EMPTY_SIDES = np.pad(NOISE[:, :100], ((3, 2), (200, 140)))


def pydicom_decoded(frame, shape, bits):
    raw = _rle_decode_frame(frame, *shape, 1, bits)
    return np.frombuffer(raw, f"<u{bits // 8}").reshape(shape)


@pytest.mark.parametrize("columns", [1, 2, 127, 128, 129, 255, 256, 257, 300])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("image", [NOISE, np.zeros_like(NOISE)], ids=["noise", "even"])
def test_pydicom_decodes_what_was_encoded(image, bits, columns):
    image = image[:, :columns].astype(f"u{bits // 8}")

    decoded = pydicom_decoded(rle_frame(image), image.shape, bits)
    np.testing.assert_array_equal(decoded, image)


@pytest.mark.parametrize("image", [NOISE, EMPTY_SIDES], ids=["noise", "empty sides"])
def test_it_is_read_back_from_a_file(image, tmp_path):
    from pydicom.encaps import encapsulate
    from pydicom.uid import RLELossless

    dataset = dicom_dataset(image)
    dataset.file_meta.TransferSyntaxUID = RLELossless
    dataset.add_new("PixelData", "OB", encapsulate([rle_frame(image)]))
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)

    np.testing.assert_array_equal(open_image(tmp_path / "a.dcm").stored, image)


def test_even_areas_take_hardly_any_space():
    assert len(rle_frame(np.zeros((1000, 1280), np.uint8))) == 64 + 1000 * 10 * 2
    assert len(rle_frame(EMPTY_SIDES)) < 0.6 * EMPTY_SIDES.nbytes
    assert len(rle_frame(NOISE)) < 1.03 * NOISE.nbytes + 64
