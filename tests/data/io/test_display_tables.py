"""Look-up tables of the display against values worked by hand."""

from __future__ import annotations

import re

import numpy as np
import pytest
from pydicom.uid import ExplicitVRBigEndian

from tests.data.io.dicom_files import (
    decode,
    dicom_dataset,
    look_up_table,
    opened,
    row,
)

GREY = {
    "ends are repeated": (
        (5, 10, 11, 13, 200),
        {"VOILUTSequence": [look_up_table(10, 8, [0, 85, 170, 255])]},
        [0, 0, 85, 255, 255],
    ),
    "more entries than output levels": (
        (12, 2048, 4092),
        {"VOILUTSequence": [look_up_table(0, 8, [i // 16 for i in range(4096)])]},
        [0, 128, 255],
    ),
    "preferred to a window": (
        (0, 1),
        {
            "VOILUTSequence": [look_up_table(0, 8, [255, 0])],
            "WindowCenter": 1,
            "WindowWidth": 2,
        },
        [255, 0],
    ),
    # Stored 0, 1, 2 mean 0, 1000, 4000; the window is 0..2000 (w - 1 wide).
    "modality before a window": (
        (0, 1, 2),
        {
            "ModalityLUTSequence": [look_up_table(0, 16, [0, 1000, 4000])],
            "WindowCenter": 1000.5,
            "WindowWidth": 2001,
        },
        [0, 128, 255],
    ),
    # -4 of an input that begins at 0: the first four entries are of no value.
    "a negative first value, unsigned": (
        (0, 1, 2),
        {"VOILUTSequence": [look_up_table(65532, 8, [9, 9, 9, 9, 0, 100, 255])]},
        [0, 100, 255],
    ),
    "a negative first value": (
        (0, 1, 2),
        {"VOILUTSequence": [look_up_table(-4, 8, [9, 9, 9, 9, 0, 100, 255], True)]},
        [0, 100, 255],
    ),
}


@pytest.mark.parametrize(("stored", "fields", "expected"), GREY.values(), ids=GREY)
def test_a_table_gives_the_grey_levels(stored, fields, expected):
    image = opened(dicom_dataset(row(*stored), bits=12, **fields))
    np.testing.assert_array_equal(image.grey(), [expected])
    assert image.notes == ()


def test_a_first_value_above_those_of_the_image_is_no_negative_one():
    # 12 bits end at 4095: all values are below the first, and get its output.
    table = look_up_table(4096, 16, [0, 32768, 65535])
    dataset = dicom_dataset(row(0, 1, 4095), bits=12, VOILUTSequence=[table])
    np.testing.assert_array_equal(decode(dataset), [[0, 0, 0]])


def test_a_voi_table_may_hold_bytes_or_numbers():
    packed = look_up_table(0, 8, [0, 85, 170, 255])
    packed.LUTData = bytes([0, 85, 170, 255])
    numbers = look_up_table(0, 8, [0, 85, 170, 255])
    numbers["LUTData"].VR = "US"
    numbers.LUTData = [0, 85, 170, 255]
    for table in (packed, numbers):
        dataset = dicom_dataset(row(0, 1, 2, 3), VOILUTSequence=[table])
        np.testing.assert_array_equal(decode(dataset), [[0, 85, 170, 255]])


@pytest.mark.parametrize("name", ["VOILUTSequence", "ModalityLUTSequence"])
@pytest.mark.parametrize("vr", ["SS", "US", "OW"])
def test_the_values_of_a_table_are_unsigned_whatever_their_representation(name, vr):
    table = look_up_table(0, 16, [0, 32768, 65535])
    if vr != "OW":
        del table.LUTData
        outputs = [0, -32768, -1] if vr == "SS" else [0, 32768, 65535]
        table.add_new("LUTData", vr, outputs)
    dataset = dicom_dataset(row(0, 1, 2), **{name: [table]})
    np.testing.assert_array_equal(decode(dataset), [[0, 128, 255]])


@pytest.mark.parametrize("name", ["VOILUTSequence", "ModalityLUTSequence"])
def test_a_table_that_does_not_fit_its_bits_is_applied_and_noted(name):
    low, full, high = (
        opened(
            dicom_dataset(
                row(0, 1, 2),
                bits=2,
                **{name: [look_up_table(0, bits, [0, 2048, 4095])]},
            )
        )
        for bits in (16, 12, 8)
    )
    np.testing.assert_array_equal(low.grey(), [[0, 8, 16]])
    assert re.search("0 to 4095; .* 0 to 65535, .*low contrast", low.notes[0])
    assert low.notes[0].startswith(name)
    np.testing.assert_array_equal(full.grey(), [[0, 128, 255]])
    assert full.notes == ()
    assert re.search("0 to 4095; .* 0 to 255, .*cut off", high.notes[0])
    # Of another kind than one that is left out.
    assert low.notes[0].partition(":")[0].endswith(") applied as it is")


def test_the_first_value_of_a_table_may_be_written_unsigned():
    table = look_up_table(65436, 8, [0, 100, 255])  # -100 in two's complement
    dataset = dicom_dataset(row(-100, -99, -98, dtype=np.int16))
    dataset.VOILUTSequence = [table]
    np.testing.assert_array_equal(decode(dataset), [[0, 100, 255]])


@pytest.mark.parametrize(
    ("bits", "data", "middle"),
    [
        # A word holds two entries, the first in its lower byte.
        (8, bytes([100, 0, 0, 255]), 100),
        (16, np.array([0, 32768, 65535], ">u2").tobytes(), 128),
    ],
)
def test_a_table_of_a_big_endian_file(bits, data, middle):
    dataset = dicom_dataset(row(0, 1, 2))
    dataset.PixelData = np.array([0, 1, 2], ">u2").tobytes()
    table = look_up_table(0, bits, [])
    table.LUTDescriptor = [3, 0, bits]
    table.LUTData = data
    dataset.VOILUTSequence = [table]
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    np.testing.assert_array_equal(decode(dataset), [[0, middle, 255]])
