"""Archives of arrays: read by name, never unpickled, refused in one line."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from keras_wa.models import load_pretrained
from tests.models.legacy_h5 import random_arrays, write_npz
from tests.models.small_trunk import (
    assert_same_weights,
    tiny,
    trunk_of,
    unchanged_refusal,
)


def test_an_npz_fills_the_layers_in_whatever_order_its_arrays_come(
    tmp_path: Path,
) -> None:
    arrays = trunk_of(random_arrays(tiny()))
    turned = {name: dict(reversed(found.items())) for name, found in arrays.items()}
    model = tiny()
    load_pretrained(model, write_npz(tmp_path / "donor.npz", turned))
    for name, wanted in arrays.items():
        assert_same_weights(model.get_layer(name), list(wanted.values()))


def test_half_precision_kernels_are_summed_over_their_colours_in_float32(
    tmp_path: Path,
) -> None:
    arrays = trunk_of(random_arrays(tiny(channels=3)))
    kernel = arrays["conv1_conv"]["kernel"].astype("float16")
    arrays["conv1_conv"]["kernel"] = kernel
    model = tiny(channels=1)
    load_pretrained(model, write_npz(tmp_path / "half.npz", arrays))
    wanted = 57.6 * kernel.astype("float64").sum(axis=2, keepdims=True)
    found, _ = model.get_layer("conv1_conv").get_weights()
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("part", [0.3, 0.9, 0.999])
def test_a_truncated_npz_is_refused(tmp_path: Path, part: float) -> None:
    path = write_npz(tmp_path / "donor.npz", trunk_of(random_arrays(tiny())))
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    assert "not weights that 'tiny' can take" in unchanged_refusal(path)


def test_an_npz_with_a_byte_turned_is_refused(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "donor.npz", trunk_of(random_arrays(tiny())))
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(content)
    assert "Bad CRC-32" in unchanged_refusal(path)


class Bomb:
    """Raises where it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('unpickled')",))


def test_pickled_arrays_are_never_unpickled(tmp_path: Path) -> None:
    arrays = trunk_of(random_arrays(tiny()))
    arrays["conv1_conv"]["bias"] = np.array([Bomb()] * 8, dtype=object)
    path = write_npz(tmp_path / "donor.npz", arrays)
    assert "allow_pickle=False" in unchanged_refusal(path)
    path.write_bytes(pickle.dumps(Bomb()))
    assert "not weights that 'tiny' can take" in unchanged_refusal(path)


def test_a_single_array_is_no_archive(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.zeros(3))
    path = (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    assert "a single array. Expected an .npz archive" in unchanged_refusal(path)


@pytest.mark.parametrize("name", ["conv1_conv", "conv1_conv/weights", "kernel"])
def test_an_array_without_the_name_of_a_layer_s_weight_is_refused(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / "donor.npz"
    np.savez(path, **{name: np.zeros(3)})
    message = unchanged_refusal(path)
    assert f"Received: {name!r}; expected '<layer name>/<weight>'" in message


def test_an_npz_of_another_shape_is_refused_and_changes_nothing(
    tmp_path: Path,
) -> None:
    arrays = trunk_of(random_arrays(tiny()))
    arrays["conv1_bn"]["beta"] = np.zeros(9, "float32")
    message = unchanged_refusal(write_npz(tmp_path / "donor.npz", arrays))
    assert "layer 'conv1_bn' does not fit 'tiny'. Received: shapes [(8,), (9,)" in (
        message
    )


@pytest.mark.parametrize("weight", ["kernel", "bias"])
def test_a_layer_that_lacks_an_array_is_refused(tmp_path: Path, weight: str) -> None:
    arrays = trunk_of(random_arrays(tiny()))
    del arrays["conv1_conv"][weight]
    message = unchanged_refusal(write_npz(tmp_path / "donor.npz", arrays))
    assert "layer 'conv1_conv' does not fit" in message


def test_a_header_that_promises_more_than_there_is_is_refused(tmp_path: Path) -> None:
    header = io.BytesIO()
    described = {"descr": "<f4", "fortran_order": False, "shape": (10**7, 10**7)}
    np.lib.format.write_array_header_1_0(header, described)
    path = tmp_path / "liar.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("conv1_conv/kernel.npy", header.getvalue() + bytes(64))
    assert "not weights that 'tiny' can take" in unchanged_refusal(path)
