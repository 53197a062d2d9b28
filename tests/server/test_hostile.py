"""Whatever is uploaded, the answer is a record or a reason."""

from __future__ import annotations

import gzip
import io
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import uid
from pydicom.encaps import encapsulate
from starlette.testclient import TestClient

from keras_wa.inference.classifier import Classifier
from tests.data.io.dicom_files import dicom_bytes, dicom_dataset
from tests.data.io.test_deflated import bomb
from tests.data.io.test_header_limits import png, zeros
from tests.server.clients import encoded, service, smooth
from tests.server.hostile import ALLOWED, FORM, form, mangle, whole_uploads

GREY = smooth()
PNG = encoded(GREY)


@pytest.fixture(scope="module")
def client(classifier: Classifier) -> Iterator[TestClient]:
    with service(classifier, max_pixels=2**20) as client:
        yield client


def post(client: TestClient, body: bytes, kind: str = FORM, **headers: str) -> Any:
    headers["content-type"] = kind
    return client.post("/predict", content=body, headers=headers)


def test_damaged_uploads_have_an_answer_or_a_reason(
    client: TestClient, tmp_path: Path
) -> None:
    files = whole_uploads(tmp_path)
    for contents in files.values():
        for data in contents:
            assert post(client, form(data)).status_code == 200
    found = set()
    # The benchmark fuzz_service sends ten thousand, to a process.
    for index in range(150):
        upload = mangle(files, 3, index)
        headers = {"content-type": upload.content_type}
        answer = client.post(upload.path, content=upload.body, headers=headers)
        assert answer.status_code in ALLOWED, (index, upload.kind, answer.text)
        if answer.status_code != 200:
            assert list(answer.json()) == ["error"], (index, upload.kind)
            assert "\n" not in answer.json()["error"]
        found.add(answer.status_code)
    assert found >= {200, 400, 422}


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("config.json", "{}")
        made.writestr("../../evil", b"\0" * 2**20)
    return file.getvalue()


def objects() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([{}], object), allow_pickle=True)
    return file.getvalue()


def changed(**fields: Any) -> bytes:
    return dicom_bytes(dicom_dataset(GREY, **fields))


def encapsulated() -> bytes:
    """JPEG 2000 by its transfer syntax, PNG by its bytes."""
    dataset = dicom_dataset(GREY)
    dataset.file_meta.TransferSyntaxUID = uid.JPEG2000Lossless
    dataset.PixelData = encapsulate([PNG])
    dataset["PixelData"].VR = "OB"
    return dicom_bytes(dataset)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (lambda: bomb(2**28), "the deflated file is too large"),
        (lambda: png(64, zeros(2**27)), "too much image data"),
        (lambda: gzip.compress(PNG), "not a readable image"),
        (archive, "not a readable image"),
        (lambda: pickle.dumps([1]), "not a readable image"),
        (objects, "not a readable image"),
        (lambda: b"GIF89a=1;alert(1)//", "not a readable image"),
        (lambda: b"II+\0\x08\0\0\0" + bytes(99), "not a readable image"),
        (lambda: b"%PDF-1.7".ljust(128) + b"DICM" + bytes(99), "upload: "),
        (lambda: changed(Rows=65535, Columns=65535), "at most 1048576 pixels"),
        (lambda: changed(Rows=0), "at least 1 by 1"),
        (lambda: changed(Rows=96), "expected 5376 for 96 rows"),
        (lambda: changed(BitsAllocated=16, BitsStored=16, HighBit=15), "of 16 bits"),
        (lambda: changed(BitsAllocated=65535), "BitsAllocated (0028,0100)"),
        (lambda: changed(NumberOfFrames=2147483647), "NumberOfFrames (0028,0008)"),
        (lambda: changed(SamplesPerPixel=65535), "65535 samples per pixel"),
        (encapsulated, "the frame has no header"),
    ],
    ids=range(17),
)
def test_bombs_lies_and_other_formats_are_refused(
    client: TestClient, data: Any, expected: str
) -> None:
    found = post(client, form(data()))
    assert found.status_code == 422, found.text
    assert expected in found.json()["error"]


def test_a_polyglot_is_the_image_that_it_is_and_nothing_else(
    client: TestClient,
) -> None:
    wanted = post(client, form(PNG)).json()
    script = b"<script>alert(1)</script>"
    for data in (PNG + archive(), PNG + script, png_with_text(script)):
        found = post(client, form(data))
        assert found.json() == wanted
        assert b"script" not in found.content
        assert found.headers["content-type"] == "application/json"
    dicom = bytearray(dicom_bytes(dicom_dataset(GREY)))
    dicom[:8] = b"%PDF-1.7"
    assert post(client, form(bytes(dicom))).status_code == 200


def png_with_text(text: bytes) -> bytes:
    # IHDR takes the first 33 bytes.
    chunk = png(1, b"", (b"tEXt", b"Title\0" + text))[33 : -12 - 12]
    return PNG[:33] + chunk + PNG[33:]


def test_a_body_that_says_it_is_compressed_is_not_inflated(client: TestClient) -> None:
    packed = {"content-encoding": "gzip"}
    assert post(client, gzip.compress(form(PNG)), **packed).status_code == 400
    assert post(client, gzip.compress(b"{}"), "application/json", **packed).json() == {
        "error": post(client, gzip.compress(b"{}"), "application/json").json()["error"]
    }


@pytest.mark.parametrize(
    "name",
    [
        *("../../../../etc/passwd", "/etc/passwd", "C:\\x.png", "..", "", "x" * 2000),
        *("a\0b.png", "снимок\u202egnp.exe", "$(reboot).png", "x.keras", "x.pkl"),
    ],
    ids=range(11),
)
def test_a_name_is_not_looked_at(client: TestClient, name: str) -> None:
    found = post(client, form(PNG, name))
    assert found.status_code == 200
    assert found.json()["file"] == "upload"


@pytest.mark.parametrize(
    "body",
    [
        b"--edge\r\n" + b"X: y\r\n" * 10_000,
        b"--edge\r\nContent-Disposition: " + b"x" * 2**20,
        b"--edge\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n" * 99,
        form(PNG, mask="x" * 2**21),
        form(PNG)[:-8],
    ],
    ids=range(5),
)
def test_a_form_that_goes_on_without_end_is_refused(
    client: TestClient, body: bytes
) -> None:
    found = post(client, body)
    assert found.status_code == 400, found.text
    assert list(found.json()) == ["error"]


def test_what_a_client_sends_never_becomes_a_header(client: TestClient) -> None:
    evil = "x\r\nSet-Cookie: a=b"
    for body, kind in (
        (form(PNG, evil), FORM),
        (form(PNG, crop=evil), FORM),
        (PNG, "text/plain; a=%0d%0aSet-Cookie:b"),
    ):
        assert "set-cookie" not in post(client, body, kind).headers
