"""Deflated files that inflate to gigabytes are refused, and cost little to refuse."""

from __future__ import annotations

import io
import tracemalloc
import zlib

import numpy as np
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from keras_wa.data.io import deflated
from keras_wa.data.io.deflated import refuse_bomb
from keras_wa.data.io.dicom import decode_dicom
from keras_wa.data.readers.dicom_index import index_dicoms
from keras_wa.errors import UserError
from tests.data.io.dicom_files import dicom_bytes, dicom_dataset


def deflated_file(pixels: np.ndarray) -> bytes:
    dataset = dicom_dataset(pixels)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    return dicom_bytes(dataset)


def bomb(size: int) -> bytes:
    """A small deflated file that inflates to more than `size` bytes."""
    whole = deflated_file(np.zeros((4, 4), np.uint16))
    meta = 144 + int.from_bytes(whole[140:144], "little")
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = bytes(2**20)
    parts = [deflater.compress(block) for _ in range(size // len(block) + 1)]
    return whole[:meta] + b"".join(parts) + deflater.flush()


def test_a_bomb_is_refused_without_inflating_it_whole(monkeypatch):
    monkeypatch.setattr(deflated, "MOST", 2**25)
    data = bomb(2**28)
    assert len(data) < 2**19
    tracemalloc.start()
    with pytest.raises(UserError, match=r"x\.dcm: the deflated file is too large"):
        decode_dicom(data, "x.dcm")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**26


def test_the_limit_is_the_size_once_inflated(monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 9, (64, 64), dtype=np.uint16)
    data = deflated_file(pixels)
    np.testing.assert_array_equal(decode_dicom(data, "x.dcm").stored, pixels)
    monkeypatch.setattr(deflated, "MOST", pixels.nbytes)
    with pytest.raises(UserError, match=f"more than {pixels.nbytes} bytes"):
        refuse_bomb(io.BytesIO(data), "x.dcm")


@pytest.mark.parametrize("cut", [140, 350, 400])
def test_a_damaged_file_is_left_to_the_reader(cut):
    data = deflated_file(np.zeros((64, 64), np.uint16))
    with pytest.raises(UserError, match=r"^x\.dcm: ") as caught:
        decode_dicom(data[:cut] + b"\xff" * 50, "x.dcm")
    assert "too large" not in str(caught.value)


def test_headers_are_guarded_too(tmp_path, monkeypatch):
    monkeypatch.setattr(deflated, "MOST", 2**25)
    (tmp_path / "bomb.dcm").write_bytes(bomb(2**26))
    (tmp_path / "good.dcm").write_bytes(deflated_file(np.zeros((4, 4), np.uint16)))
    index = index_dicoms(tmp_path, ["Rows"], progress=False).set_index("path")
    assert "too large" in index["reason"]["bomb.dcm"]
    assert index["Rows"]["good.dcm"] == "4"


def test_a_wrong_group_length_does_not_pass_the_guard(monkeypatch):
    monkeypatch.setattr(deflated, "MOST", 2**25)
    data = bytearray(bomb(2**26))
    data[140] = (data[140] + 7) % 256
    with pytest.raises(UserError, match="too large"):
        refuse_bomb(io.BytesIO(data), "x.dcm")
