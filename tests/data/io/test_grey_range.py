"""Values of fewer bits than their file has: noted, and scaled where bits are given."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_wa.data.io import decode_image, open_image
from keras_wa.errors import UserError
from tests.data.io.dicom_files import dicom_bytes, dicom_dataset, look_up_table
from tests.data.io.test_reading import tiff_16_bit

SUFFIXES = [".png", ".tif", ".pgm"]
TWELVE = np.array([[0, 16, 2048], [3000, 4000, 4095]], np.uint16)
GREY = [[0, 1, 128], [187, 249, 255]]  # 255 * value / 4095, rounded.


def written(folder: Path, suffix: str, values: np.ndarray = TWELVE) -> Path:
    path = folder / f"x{suffix}"
    assert cv2.imwrite(str(path), values)
    return path


def dicom(values: np.ndarray, **fields: object) -> tuple[str, ...]:
    """The notes on a DICOM file of these values."""
    return decode_image(dicom_bytes(dicom_dataset(values, **fields)), "x.dcm").notes


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_twelve_bits_in_sixteen_are_noted_and_right_where_they_are_given(
    tmp_path, suffix
):
    path = written(tmp_path, suffix)
    image = open_image(path)
    assert image.notes == (
        "grey range: the file's values reach 4095 of 65535, so that 17 of 256 grey "
        "levels are used. If such files have fewer than 16 bits, give them: "
        "`bits_stored=12` or more.",
    )
    np.testing.assert_array_equal(image.stored, TWELVE)
    given = open_image(path, bits_stored=12)
    np.testing.assert_array_equal(given.grey(), GREY)
    np.testing.assert_array_equal(given.grey(slice(1, 2), slice(0, 2)), [[187, 249]])
    assert given.notes == ()


@pytest.mark.parametrize(
    ("greatest", "bits", "needed"),
    [(16383, None, 14), (4095, None, 12), (255, None, 8), (1023, 12, 10), (3, None, 8)],
)
def test_the_note_names_the_bits_that_would_do(tmp_path, greatest, bits, needed):
    path = written(tmp_path, ".png", np.array([[0, greatest]], np.uint16))
    (note,) = open_image(path, bits_stored=bits).notes
    assert note.startswith(f"grey range: the file's values reach {greatest} of ")
    assert f"If such files have fewer than {bits or 16} bits, give them" in note
    assert note.endswith(f"`bits_stored={needed}` or more.")


@pytest.mark.parametrize("greatest", [0, 16384, 65535])
def test_an_image_that_uses_its_range_or_is_blank_has_no_note(tmp_path, greatest):
    path = written(tmp_path, ".png", np.array([[0, greatest]], np.uint16))
    assert open_image(path).notes == ()
    np.testing.assert_array_equal(
        open_image(path, bits_stored=16).grey(), open_image(path).grey()
    )


def twelve_bits() -> np.ndarray:
    """Tissue of 12 bits."""
    return np.random.default_rng(0).integers(1, 4096, (64, 64)).astype(np.uint16)


LABELLED = {
    "one bright pixel": (0, 0),
    "a label": (slice(3), slice(3)),
    "a white background": (slice(None), slice(30)),
}


@pytest.mark.parametrize("place", LABELLED.values(), ids=LABELLED)
def test_a_label_or_a_white_background_does_not_hide_it(tmp_path, place):
    values = twelve_bits()
    values[place] = 65535
    (note,) = open_image(written(tmp_path, ".png", values)).notes
    assert note.startswith("grey range: but for a label or a background of up to 65535")
    assert note.endswith("give `bits_stored=12` or more.")
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        (note,) = dicom(values, PhotometricInterpretation=photometric)
        assert note.startswith("grey range: grey levels ")


@pytest.mark.parametrize("bright", [0.01, 0.5])
def test_a_dark_image_with_a_few_bright_pixels_has_no_note(tmp_path, bright):
    values = twelve_bits() * 2
    rng = np.random.default_rng(1)
    spots = rng.random(values.shape) < bright
    values[spots] = rng.integers(20000, 60000, spots.sum())
    assert open_image(written(tmp_path, ".png", values)).notes == ()
    assert dicom(values) == ()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_values_of_more_bits_are_an_error_that_names_them(tmp_path, suffix):
    path = written(tmp_path, suffix)
    with pytest.raises(UserError) as caught:
        open_image(path, bits_stored=10)
    assert str(caught.value) == (
        f"{path}: grey range. Received: values up to 4095; expected at most 1023, the "
        "greatest of 10 bits (by `bits_stored`; where that is not given, as in the "
        "model's training files). Give `bits_stored=12`."
    )


def test_files_of_eight_bits_or_with_a_maximum_of_their_own_stay_as_they_are(tmp_path):
    eight = np.array([[0, 7, 31]], np.uint8)
    for suffix in (".png", ".tif", ".pgm", ".bmp"):
        image = open_image(written(tmp_path, suffix, eight), bits_stored=5)
        np.testing.assert_array_equal(image.grey(), eight)
        assert image.notes == ()
    stated = b"P5 3 2 4095\n" + TWELVE.astype(">u2").tobytes()
    for bits in (None, 12, 14):
        image = decode_image(stated, "x.pgm", bits_stored=bits)
        np.testing.assert_array_equal(image.grey(), GREY)
        assert image.notes == ()


def test_colour_and_white_is_zero_have_the_same_range(tmp_path):
    colour = written(tmp_path, ".png", np.dstack([TWELVE] * 3))
    np.testing.assert_array_equal(open_image(colour, bits_stored=12).grey(), GREY)
    data = tiff_16_bit(TWELVE, photometric=0)
    inverted = decode_image(data, "x.tif", bits_stored=12)
    np.testing.assert_array_equal(inverted.grey(), 255 - np.array(GREY))


UNFIT = {
    "8 bits in 16": (255, {}),
    "8 bits in 14": (255, {"bits": 14}),
    "window far above": (4095, {"bits": 12, "WindowCenter": 40000, "WindowWidth": 999}),
    "window far below": (4095, {"bits": 12, "WindowCenter": 100, "WindowWidth": 100}),
    "window in the middle": (
        4095,
        {"bits": 12, "WindowCenter": 2048, "WindowWidth": 40000},
    ),
    "signed": (4095, {"PixelRepresentation": 1}),
}


@pytest.mark.parametrize(("highest", "fields"), UNFIT.values(), ids=UNFIT)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_dicom_range_that_does_not_fit_is_noted(highest, fields, photometric):
    rng = np.random.default_rng(0)
    values = rng.integers(highest // 4, highest + 1, (64, 64)).astype(np.uint16)
    (note,) = dicom(values, PhotometricInterpretation=photometric, **fields)
    assert note.startswith("grey range: grey levels ")


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("middle", [17000, 30000, 48000])
def test_a_crop_of_low_contrast_is_as_good_in_dicom_as_in_png(
    tmp_path, middle, photometric
):
    rng = np.random.default_rng(0)
    values = rng.integers(middle - 600, middle + 600, (64, 64)).astype(np.uint16)
    assert open_image(written(tmp_path, ".png", values)).notes == ()
    assert dicom(values, PhotometricInterpretation=photometric) == ()


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_dicom_file_that_states_more_bits_than_it_has_is_noted(photometric):
    values = np.random.default_rng(0).integers(1, 4096, (40, 30)).astype(np.uint16)
    (note,) = dicom(values, PhotometricInterpretation=photometric)
    assert note.startswith("grey range: grey levels ")
    assert dicom(values, bits=12, PhotometricInterpretation=photometric) == ()
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    assert dicom(values, PhotometricInterpretation=photometric, **window) == ()


def test_a_dicom_window_that_is_far_too_wide_is_noted():
    values = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    wide = {"WindowCenter": 32768, "WindowWidth": 65536}
    assert dicom(values, bits=12, **wide) == (
        "grey range: grey levels 1 to 16 of 255 are used; the window or the "
        "BitsStored (0028,0101) of the header may not fit the stored values, 0 to "
        "4095.",
    )


def test_a_table_of_low_contrast_is_noted_once():
    values = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    table = look_up_table(0, 16, list(range(4096)))
    (note,) = dicom(values, bits=12, VOILUTSequence=[table])
    assert "VOILUTSequence" in note


def test_an_image_of_two_values_has_no_note(tmp_path):
    values = np.ones((40, 30), np.uint16)
    values[:9] = 65535
    assert dicom(values) == ()
    assert open_image(written(tmp_path, ".png", values - 1)).notes == ()


def test_padding_and_air_do_not_hide_it():
    values = np.random.default_rng(0).integers(1, 4096, (40, 30)).astype(np.uint16)
    values[:, :10] = 0
    fields = {"PixelPaddingValue": 0, "PhotometricInterpretation": "MONOCHROME1"}
    assert len(dicom(values, **fields)) == 1


@pytest.mark.parametrize("level", [0, 700])
def test_a_blank_dicom_image_and_one_of_eight_bits_have_no_note(level):
    blank = np.full((8, 8), level, np.uint16)
    assert dicom(blank) == ()
    blank[:, :3] = 9
    assert dicom(blank, PixelPaddingValue=9) == ()
    assert dicom(np.array([[0, 1], [2, 3]], np.uint8)) == ()
