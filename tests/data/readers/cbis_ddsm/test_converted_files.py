"""Images that were converted from DICOM, and files with other names."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_wa.data.io import open_image
from keras_wa.data.readers.cbis_ddsm import read_cbis_ddsm
from keras_wa.errors import UserError
from tests.data.readers.cbis_ddsm.copies import LAYOUTS, listed_parts, write_copy
from tests.data.readers.cbis_ddsm.reading import (
    FIRST,
    ROWS,
    about,
    grey,
    opened_files,
    options,
    read,
)

LEFT_OUT = "Images left out because the original of the same series is read"


@pytest.mark.parametrize("suffix", [".png", ".JPG", ".dcm.png"])
@pytest.mark.parametrize("layout", ["classic", "descriptive", "idc-index", "bare idc"])
def test_converted_files_beside_the_dicom_files_are_not_read(tmp_path, layout, suffix):
    drawn = write_copy(tmp_path, ROWS, layout)
    files = sorted(tmp_path.rglob("*.dcm"))
    for path in files:
        black = np.zeros((120, 100), np.uint8)
        assert cv2.imwrite(f"{path.with_suffix('')}{suffix}", black)
    dataset = read_cbis_ddsm(tmp_path, options())
    for roi_id, each in drawn.items():
        roi = read(dataset, roi_id)
        np.testing.assert_array_equal(roi.pixels, about(each))
        assert set(roi.facts["sources"]) <= {*each.paths.values()}
    (note,) = [note for note in dataset.notes if note.startswith(LEFT_OUT)]
    assert note.startswith(f"{LEFT_OUT}: {len(files)}, such as ")


def test_dicom_files_known_by_their_headers_win_over_a_converted_tree(tmp_path):
    drawn = write_copy(tmp_path, ROWS, "bare idc")
    for each in drawn.values():
        for part, path in each.paths.items():
            listed = next(
                LAYOUTS["classic"](part, listed)
                for which, listed in listed_parts(ROWS)
                if which == part and LAYOUTS["bare idc"](part, listed) == path
            )
            target = tmp_path / "png" / Path(listed).with_suffix(".png")
            target.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(target), np.zeros((120, 100), np.uint8))
    dataset = read_cbis_ddsm(tmp_path, options())
    np.testing.assert_array_equal(read(dataset).pixels, about(drawn[FIRST]))
    assert any(note.startswith(LEFT_OUT) for note in dataset.notes)


@pytest.mark.parametrize("crop", ["fixed", "official"])
def test_converted_images_of_12_bits_are_right_where_the_bits_are_given(tmp_path, crop):
    drawn = write_copy(tmp_path, ROWS)
    for path in sorted(tmp_path.rglob("*.dcm")):
        stored = open_image(path, for_processing=True).stored
        # A mask has no bits to be given.
        values = stored >> 4 if stored.dtype == np.uint16 else stored * np.uint16(257)
        assert cv2.imwrite(str(path.with_suffix(".png")), values)
        path.unlink()
    wanted = about(drawn[FIRST]) if crop == "fixed" else grey(drawn[FIRST].crop)
    dataset = read_cbis_ddsm(tmp_path, options(crop, bits_stored=12))
    (note,) = [note for note in dataset.notes if note.startswith("Converted files")]
    assert note.endswith("; 3 ROIs.")
    roi = read(dataset)
    np.testing.assert_allclose(roi.pixels, wanted, rtol=0, atol=1)
    assert "notes" not in roi.facts
    (note,) = read(read_cbis_ddsm(tmp_path, options(crop))).facts["notes"]
    assert note.startswith("grey range: ")
    with pytest.raises(UserError, match=r"grey range\. .*the greatest of 10 bits"):
        read(read_cbis_ddsm(tmp_path, options(crop, bits_stored=10)))
    for each in drawn.values():  # Crop and mask in each other's place.
        names = [each.paths[part].replace(".dcm", ".png") for part in ("crop", "mask")]
        one, other = (tmp_path / name for name in names)
        one.rename(tmp_path / "x")
        other.rename(one)
        (tmp_path / "x").rename(other)
    swapped = read(read_cbis_ddsm(tmp_path, options(crop, bits_stored=12)))
    np.testing.assert_array_equal(swapped.pixels, roi.pixels)


def test_the_bits_of_a_crop_do_not_open_it_again(tmp_path, monkeypatch):
    write_copy(tmp_path, ROWS)
    opened = opened_files(monkeypatch)
    read(read_cbis_ddsm(tmp_path, options("official", bits_stored=12)))
    assert len(opened) == 1


@pytest.mark.parametrize("layout", ["classic", "idc-index", "bare idc"])
def test_files_named_by_their_uid_are_found(tmp_path, layout):
    drawn = write_copy(tmp_path, ROWS, layout)
    for number, path in enumerate(sorted(tmp_path.rglob("*.dcm"))):
        path.rename(path.with_name(f"MG.1.2.840.113619.2.66.{number}"))
    dataset = read_cbis_ddsm(tmp_path, options())
    for roi_id, each in drawn.items():
        np.testing.assert_array_equal(read(dataset, roi_id).pixels, about(each))
    assert dataset.skipped == []
