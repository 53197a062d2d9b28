"""Uploads that are damaged at random, in what they hold and in how they are sent."""

from __future__ import annotations

import base64
import dataclasses
import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from keras_wa.server.image_paths import PATHS as IMAGE_PATHS
from tests.data.io import fuzzing
from tests.server.clients import encoded, smooth

Generator = np.random.Generator

FORM = "multipart/form-data; boundary=edge"
ALLOWED = frozenset({200, 400, 413, 415, 422})
"""What a service may say of any upload: an answer, or why there is none."""

_TENSORFLOW = "/v1/models/wa:predict"


@dataclasses.dataclass(frozen=True)
class Upload:
    """A request that a client may send, `POST path` with a body of a content type."""

    kind: str
    path: str
    content_type: str
    body: bytes


def form(data: bytes, name: str = "x", **fields: str) -> bytes:
    """A form with a file, as `curl -F` makes it."""
    parts = [
        f'Content-Disposition: form-data; name="{field}"\r\n\r\n{value}'.encode()
        for field, value in fields.items()
    ]
    head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    parts.append(head.encode() + data)
    return b"".join(b"--edge\r\n%b\r\n" % part for part in parts) + b"--edge--\r\n"


def whole_uploads(folder: Path) -> dict[str, list[bytes]]:
    """Undamaged files by their format, DICOM by its transfer syntax.

    Args:
        folder: where to write what GDCM reads.
    """
    grey = smooth()
    colour = np.dstack([grey, grey.T[:48, :56].repeat(2, 1)[:48, :56], grey])
    deep = grey.astype(np.uint16) * 257
    plain = {
        "PNG": [encoded(image) for image in (grey, colour, deep)],
        "JPEG": [encoded(image, ".jpg") for image in (grey, colour)],
        "TIFF": [encoded(image, ".tif") for image in (grey, colour, deep)],
        "BMP": [encoded(image, ".bmp") for image in (grey, colour)],
        "PGM": [
            encoded(grey, ".pgm"),
            b"P2 # by hand\n56 48 255\n" + b" ".join(b"%d" % x for x in grey.flat),
        ],
    }
    return plain | fuzzing.whole_files(folder)


def mangle(files: dict[str, list[bytes]], seed: int, index: int) -> Upload:
    """One damaged upload; the same for the same seed and index."""
    rng = np.random.default_rng([seed, index])
    names = sorted(files)
    name = names[index % len(names)]
    data = files[name][rng.integers(len(files[name]))]
    other = files[names[rng.integers(len(names))]][0]
    way = rng.choice(["file", "instance", "form", "json"], p=[0.7, 0.1, 0.1, 0.1])
    if way in ("file", "instance"):
        dicom = data[128:132] == b"DICM"
        kind, data = (fuzzing.damage if dicom else _damage)(data, other, rng)
        kind = f"{name}, {kind}"
        if way == "file":
            path = IMAGE_PATHS[rng.integers(len(IMAGE_PATHS))]
            return Upload(kind, path, FORM, form(data, **_fields(path, rng)))
        instance = {"b64": base64.b64encode(data).decode()}
        body = json.dumps({"instances": [instance]}).encode()
        return Upload(kind, _TENSORFLOW, "application/json", body)
    if way == "form":
        kind, body = _damage(form(data, tta="2"), form(other, box="1,1,9,9"), rng)
        content_type = _FORMS[rng.integers(len(_FORMS))]
        path = IMAGE_PATHS[rng.integers(len(IMAGE_PATHS))]
        return Upload(f"form, {kind}", path, content_type, body)
    rows = smooth(32, 32, index).tolist()
    field, path = [("roi", "/predict"), ("instances", _TENSORFLOW)][rng.integers(2)]
    text = json.dumps({field: rows if field == "roi" else [rows]}).encode()
    kind, body = _damage(text, _JSONS[rng.integers(len(_JSONS))], rng)
    return Upload(f"json, {kind}", path, "application/json", body)


def _fields(path: str, rng: Generator) -> dict[str, str]:
    # Without one, no cluster is looked for.
    fields = {"pixel_spacing": "0.1"} if path == "/candidates" else {}
    if rng.random() < 0.7:
        return fields
    name = list(_FIELDS)[rng.integers(len(_FIELDS))]
    return fields | {name: _FIELDS[name][rng.integers(len(_FIELDS[name]))]}


def _damage(data: bytes, other: bytes, rng: Generator) -> tuple[str, bytes]:
    name = list(_DAMAGES)[rng.integers(len(_DAMAGES))]
    return name, _DAMAGES[name](bytearray(data), other, rng)


def _truncate(data: bytearray, other: bytes, rng: Generator) -> bytes:
    return bytes(data[: rng.integers(len(data))])


def _flip_bits(data: bytearray, other: bytes, rng: Generator) -> bytes:
    for place in rng.integers(0, len(data), rng.integers(1, 20)):
        data[place] ^= 1 << int(rng.integers(8))
    return bytes(data)


def _header(data: bytearray, other: bytes, rng: Generator) -> bytes:
    """Changes the first bytes, where formats say what is to come."""
    for place in rng.integers(0, min(len(data), 160), rng.integers(1, 6)):
        data[place] = int(rng.integers(256))
    return bytes(data)


def _numbers(data: bytearray, other: bytes, rng: Generator) -> bytes:
    """Sets some two or four bytes to a number that a size or an offset may not be."""
    form = "<>"[rng.integers(2)] + "HI"[rng.integers(2)]
    most = 2 ** (8 * struct.calcsize(form)) - 1
    numbers = (0, 1, 3, most, most - 1, most // 2, most // 2 + 1)
    for place in rng.integers(0, max(len(data) - 4, 1), rng.integers(1, 4)):
        number = numbers[rng.integers(len(numbers))]
        data[place : place + struct.calcsize(form)] = struct.pack(form, number)
    return bytes(data)


def _splice(data: bytearray, other: bytes, rng: Generator) -> bytes:
    return bytes(data[: rng.integers(len(data))]) + other[rng.integers(len(other)) :]


def _append(data: bytearray, other: bytes, rng: Generator) -> bytes:
    """Two files in one."""
    return bytes(data) + other


def _repeat(data: bytearray, other: bytes, rng: Generator) -> bytes:
    """A part of it over and over again."""
    start = int(rng.integers(len(data)))
    part = bytes(data[start : start + int(rng.integers(1, 64))])
    return bytes(data[:start]) + part * int(rng.integers(2, 2000)) + bytes(data[start:])


_DAMAGES: dict[str, Callable[[bytearray, bytes, Generator], bytes]] = {
    "truncated": _truncate,
    "bits flipped": _flip_bits,
    "header": _header,
    "numbers": _numbers,
    "spliced": _splice,
    "two in one": _append,
    "repeated": _repeat,
}
_FORMS = (FORM, FORM, FORM, "multipart/form-data; boundary=" + "e" * 70, FORM + '"')
_FIELDS = {
    "box": ("1,1,9,9", "1,1,0,9", ",,,", "-9,-9,99,99", "1e9,1,1,1", "٣,1,9,9"),
    "crop": ("roi", "fixed", "official", "../../etc/passwd", "\0"),
    "pixel_spacing": ("0.07", "nan", "1e-300", "-1", "1e300"),
    "region": ("1,1,9,9", "90,90,9,9", "-9,-9,99,99", "9,9,0,0", "1e9,1,1,1"),
    "side": ("16", "0", "-1", "99999999", "1e3", ""),
    "film": ("false", "maybe"),
    "tta": ("8", "0", "99", "1e3", ""),
    "mask": ("/etc/passwd",),
    "<script>": ("<script>",),
}
_JSONS = (
    b'{"instances": [{"b64": "AAAA"}, {"b64": 3}]}',
    b"[" * 2000,
    b'{"roi": [[1e999, -0, NaN]], "box": [0.5, 1, 2, 3]}',
    b'{"roi": ' + b"9" * 5000 + b"}",
    '{"roi": [["\\ud800", "\x00"]], "ключ": 1}'.encode(),
)
