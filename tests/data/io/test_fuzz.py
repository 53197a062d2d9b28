"""Damaged files of every transfer syntax: an image or one line, never anything else."""

from __future__ import annotations

import numpy as np
import pytest

from keras_wa.data.io.dicom import decode_dicom
from keras_wa.errors import UserError
from tests.data.io.fuzzing import damage, whole_files


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return whole_files(tmp_path_factory.mktemp("fuzz"))


def outcome(data: bytes) -> str:
    try:
        return str(decode_dicom(data, "x.dcm").grey().dtype)
    except UserError as error:
        return str(error)


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_file_is_an_image_or_one_line(files, seed):
    everything = [data for each in files.values() for data in each]
    outcomes = []
    for index, data in enumerate(everything):
        rng = np.random.default_rng([seed, index])
        other = everything[rng.integers(len(everything))]
        outcomes.append(outcome(damage(data, other, rng)[1]))
    lines = [line for line in outcomes if line != "uint8"]
    assert 0 < len(lines) < len(outcomes)
    assert all(line.startswith("x.dcm: ") and "\n" not in line for line in lines)
