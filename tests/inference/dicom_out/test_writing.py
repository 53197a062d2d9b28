from __future__ import annotations

import pydicom
import pytest

from keras_wa.errors import UserError
from keras_wa.inference.dicom_out import (
    secondary_capture,
    structured_report,
    write_dicom,
)
from tests.inference.dicom_out.sources import ALGORITHM, FINDINGS, PICTURE, WHEN, film


def results(source):
    return [
        structured_report(source, FINDINGS, ALGORITHM, WHEN),
        secondary_capture(source, PICTURE, ALGORITHM, WHEN),
    ]


@pytest.mark.parametrize("kind", [0, 1])
def test_a_result_is_a_dicom_file_and_replaces_an_older_one(kind, tmp_path):
    source = film(tmp_path)
    path = tmp_path / "new" / "folder" / "a.dcm"
    for _ in range(2):
        result = results(source)[kind]
        write_dicom(result, path)
        assert pydicom.dcmread(path).SOPInstanceUID == result.SOPInstanceUID

    assert [found.name for found in path.parent.iterdir()] == ["a.dcm"]
    assert path.read_bytes()[128:132] == b"DICM"


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("linked", [False, True])
def test_the_source_is_never_written_over(kind, linked, tmp_path):
    source = film(tmp_path)
    path = tmp_path / "film.dcm"
    before = path.read_bytes()
    if linked:
        (tmp_path / "link.dcm").symlink_to(path)
        path = tmp_path / "link.dcm"

    with pytest.raises(UserError, match="the image that the result is about"):
        write_dicom(results(source)[kind], path)
    assert path.read_bytes() == before
    assert path.is_symlink() == linked


def test_a_folder_that_is_a_file_is_told_in_one_line(tmp_path):
    source = film(tmp_path)

    with pytest.raises(UserError, match="cannot be written") as caught:
        write_dicom(results(source)[1], tmp_path / "film.dcm" / "a.dcm")
    assert "\n" not in str(caught.value)
