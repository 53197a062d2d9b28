"""Which files are images, found out without decoding them."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from keras_wa.data.io.deflated import refuse_bomb_in_file

Kind = Literal["dicom", "plain", "beside", "other"]

DICOM_SUFFIXES = frozenset({".dcm", ".dicom"})
PLAIN_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".pgm", ".tif", ".tiff", ".bmp"})
IMAGE_SUFFIXES = DICOM_SUFFIXES | PLAIN_SUFFIXES
"""Suffixes, in lower case, of the files that `read_grey` reads. A DICOM file may have
any other one, or none: its name is often a UID, such as `MG.1.2.840.113619.2.66`."""

# These are not opened to look for DICOM.
_OTHER_SUFFIXES = frozenset(
    [
        *(".txt", ".csv", ".tsv", ".xls", ".xlsx", ".xml", ".json", ".jsonl", ".md"),
        *(".html", ".pdf", ".doc", ".docx", ".py", ".ipynb", ".sh", ".log", ".ini"),
        *(".zip", ".gz", ".tar", ".npy", ".npz", ".pkl", ".pt", ".h5", ".keras"),
        *(".gif", ".svg", ".webp", ".mp4", ".db", ".partial"),
        *(".roi", ".tgz", ".tcia", ".s5cmd"),  # They come with the data sets.
    ]
)
_OTHER_NAMES = frozenset({"license", "readme"})

_HEAD = 512
_PREAMBLE = bytes(128)
_MARK = b"DICM"
_PLAIN_MARKS = (
    *(b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM", b"P2", b"P5"),
)
# A directory of a medium, named DICOMDIR, is a DICOM file without an image.
_DIRECTORY = b"1.2.840.10008.1.3.10"

# The elements that a data set without a preamble may begin with, and their VR.
_FIRST = {
    (0x0002, 0x0000): b"UL",
    (0x0002, 0x0001): b"OB",
    (0x0002, 0x0002): b"UI",
    (0x0002, 0x0010): b"UI",
    (0x0008, 0x0000): b"UL",
    (0x0008, 0x0001): b"UL",
    (0x0008, 0x0005): b"CS",
    (0x0008, 0x0008): b"CS",
    (0x0008, 0x0012): b"DA",
    (0x0008, 0x0013): b"TM",
    (0x0008, 0x0014): b"UI",
    (0x0008, 0x0016): b"UI",
    (0x0008, 0x0018): b"UI",
}
_LONGEST_FIRST = 2**10
_ENDS = re.compile(
    rf"({'|'.join(re.escape(suffix) for suffix in sorted(IMAGE_SUFFIXES))})$",
    re.IGNORECASE,
)


def begins_dicom(data: bytes) -> bool:
    """Whether a file is DICOM by its first bytes.

    Args:
        data: the file, or 132 bytes of it at least.

    Returns:
        True with the mark `DICM` behind the preamble; also without a preamble, if the
        file begins with one of the first elements of a data set.
    """
    return data[128:132] == _MARK or _first_element(data) is not None


def is_dicom(path: str | os.PathLike[str]) -> bool:
    """Whether a file is DICOM by its content, whatever its suffix."""
    return begins_dicom(_head(Path(path)))


def holds_dicom(data: bytes, name: str) -> bool:
    """Whether a whole file is to be decoded as DICOM.

    Args:
        data: the bytes of the file.
        name: a DICOM suffix decides where the content is of no known format.
    """
    if begins_dicom(data):
        return True
    named = PurePosixPath(name).suffix.lower() in DICOM_SUFFIXES
    return named and not data.startswith(_PLAIN_MARKS)


def with_preamble(data: bytes) -> bytes:
    """A DICOM file with the preamble and the transfer syntax that it may lack.

    Without a transfer syntax its elements are little endian and its pixels
    uncompressed; whether the VR is explicit shows in the first element.

    Args:
        data: the bytes of the file.

    Returns:
        The same bytes where there is a preamble, or no data set that can be known.
    """
    first = None if data[128:132] == _MARK else _first_element(data)
    if first is None:
        return data
    if first[0] == 0x0002:
        return _PREAMBLE + _MARK + data
    explicit = data[4:6] == _FIRST[first]
    syntax = ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian
    value = syntax.encode() + b"\0" * (len(syntax) % 2)
    element = struct.pack("<HH2sH", 0x0002, 0x0010, b"UI", len(value)) + value
    length = struct.pack("<HH2sHI", 0x0002, 0x0000, b"UL", 4, len(element))
    return _PREAMBLE + _MARK + length + element + data


def read_header(path: Path, keywords: Sequence[str]) -> pydicom.Dataset:
    """Reads some attributes of a DICOM file, with or without a preamble.

    Args:
        path: the file.
        keywords: which attributes.

    Returns:
        Those of them that are there.

    Raises:
        UserError: a deflated file is too large.
        Exception: any exception of pydicom for a damaged file.
    """
    refuse_bomb_in_file(path)
    wanted = list(keywords)
    try:
        return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=wanted)
    except InvalidDicomError:
        if not is_dicom(path):
            raise
        return pydicom.dcmread(
            path, stop_before_pixels=True, specific_tags=wanted, force=True
        )


def kinds_of(root: Path, names: Iterable[str]) -> dict[str, Kind]:
    """What the files of a folder are.

    A file is taken to be an image by its suffix. Of a file with an unknown suffix, or
    none, the first bytes say whether it is DICOM. A plain image beside a DICOM file of
    the same name, in any case, is a copy of it in another format, or its mask.

    Args:
        root: folder that the names are relative to.
        names: paths, posix, such as `walk_files` gives.

    Returns:
        By name, in the same order: `"dicom"`; `"plain"`, another image; `"beside"`, a
        plain image beside its DICOM file, which is not to be read; `"other"`, no image.
    """
    kinds = {name: _kind_of(root / name) for name in names}
    originals = {bare_name(name) for name, kind in kinds.items() if kind == "dicom"}
    return {
        name: "beside" if kind == "plain" and bare_name(name) in originals else kind
        for name, kind in kinds.items()
    }


def stem_of(name: str) -> str:
    """A file's name without the suffixes of images, so that a UID stays whole.

    Args:
        name: a name or a path. Of `x.dcm.png` both suffixes go.
    """
    while (shorter := _ENDS.sub("", name)) != name and not shorter.endswith("/"):
        name = shorter
    return name


def bare_name(path: str) -> str:
    """What images of the same name share: the path, without suffix, the name in lower
    case.

    Args:
        path: posix.
    """
    folder, slash, name = stem_of(path).rpartition("/")
    return folder + slash + name.lower()


def passed_over(kinds: Mapping[str, Kind], dicom_only: bool = False) -> list[str]:
    """Sentences on the files of a folder that are not read.

    Args:
        kinds: of `kinds_of`.
        dicom_only: for a data set of DICOM files, which no other image belongs to, and
            in which tables and texts belong beside the images.
    """
    left: dict[str, list[str]] = {"beside": [], "plain": [], "other": []}
    for name, kind in kinds.items():
        if kind in left:
            left[kind].append(name)
    if dicom_only:
        reasons = {"they are not DICOM": [*left["beside"], *left["plain"]]}
        strange = [name for name in left["other"] if not _is_named_other(name)]
    else:
        reasons = {"a DICOM file has the same name": left["beside"]}
        strange = left["other"]
    notes = [
        f"Images left out because {reason}: {len(names)}, such as {names[0]}."
        for reason, names in reasons.items()
        if names
    ]
    if strange:
        notes.append(
            "Files left out because they are no images: "
            f"{len(strange)}, such as {strange[0]}."
        )
    return notes


def _kind_of(path: Path) -> Kind:
    suffix = path.suffix.lower()
    if suffix in DICOM_SUFFIXES:
        return "dicom"
    if suffix in PLAIN_SUFFIXES:
        return "plain"
    if _is_named_other(path.name):
        return "other"
    head = _head(path)
    return "dicom" if begins_dicom(head) and _DIRECTORY not in head else "other"


def _is_named_other(name: str) -> bool:
    path = PurePosixPath(name.lower())
    return path.suffix in _OTHER_SUFFIXES or path.name in _OTHER_NAMES


def _head(path: Path) -> bytes:
    """The first bytes, none of a file that cannot be read."""
    try:
        # To open a pipe would wait for somebody to write into it.
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def _first_element(data: bytes) -> tuple[int, int] | None:
    """The tag that a data set without a preamble begins with, else `None`."""
    if len(data) < 12:
        return None
    tag = struct.unpack_from("<HH", data)
    vr = _FIRST.get(tag)
    if vr is None:
        return None
    explicit = data[4:6] == vr
    implicit = tag[0] == 0x0008 and struct.unpack_from("<I", data, 4)[0] < (
        _LONGEST_FIRST
    )
    return tag if explicit or implicit else None
