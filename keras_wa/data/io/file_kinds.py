"""Detects which files are images, without decoding them."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

import pydicom

from keras_wa.data.io.deflated import refuse_bomb

Kind = Literal["dicom", "plain", "beside", "other"]

DICOM_SUFFIXES = frozenset({".dcm", ".dicom"})
PLAIN_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".pgm", ".tif", ".tiff", ".bmp"})
IMAGE_SUFFIXES = DICOM_SUFFIXES | PLAIN_SUFFIXES
"""Suffixes of images, in lower case. A DICOM file may have any other suffix, or none:
its name is often a UID, such as `MG.1.2.840.113619.2.66`."""

# Suffixes of files that are not checked for DICOM.
_OTHER_SUFFIXES = frozenset(
    [
        *(".txt", ".csv", ".tsv", ".xls", ".xlsx", ".xml", ".json", ".jsonl", ".md"),
        *(".html", ".pdf", ".doc", ".docx", ".py", ".ipynb", ".sh", ".log", ".ini"),
        *(".zip", ".gz", ".tar", ".npy", ".npz", ".pkl", ".pt", ".h5", ".keras"),
        *(".gif", ".svg", ".webp", ".mp4", ".db", ".partial"),
        *(".roi", ".tgz", ".tcia", ".s5cmd"),  # Part of the data sets.
    ]
)
_OTHER_NAMES = frozenset({"license", "readme"})

_HEAD = 512
_MARK = b"DICM"
_PLAIN_MARKS = (
    *(b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM", b"P2", b"P5"),
)
# A DICOMDIR is a DICOM file without an image.
_DIRECTORY = b"1.2.840.10008.1.3.10"

# Elements that a data set without a preamble may begin with, and their VR.
_FIRST = {
    0x0002: frozenset({0x0000, 0x0001, 0x0002, 0x0010}),
    0x0008: frozenset(
        {0x0000, 0x0001, 0x0005, 0x0008, 0x0012, 0x0013, 0x0014, 0x0016, 0x0018}
    ),
}
_FIRST_VRS = frozenset({b"CS", b"DA", b"OB", b"TM", b"UI", b"UL"})
_LONGEST_FIRST = 2**10
_ENDS = re.compile(
    rf"({'|'.join(re.escape(suffix) for suffix in sorted(IMAGE_SUFFIXES))})$",
    re.IGNORECASE,
)


def begins_dicom(data: bytes) -> bool:
    """Returns whether a file is DICOM by its first 132 bytes.

    Without `DICM` after a preamble, it begins with one of the first elements of a data
    set.
    """
    return data[128:132] == _MARK or _begins_data_set(data)


def is_dicom(path: str | os.PathLike[str]) -> bool:
    """Returns whether a file is DICOM by its content."""
    return begins_dicom(_head(Path(path)))


def holds_dicom(data: bytes, name: str) -> bool:
    """Returns whether to decode a file as DICOM; of unknown content, by its suffix."""
    if begins_dicom(data):
        return True
    named = PurePosixPath(name).suffix.lower() in DICOM_SUFFIXES
    return named and not data.startswith(_PLAIN_MARKS)


def read_header(path: Path, keywords: Sequence[str]) -> pydicom.Dataset:
    """Reads some attributes of a DICOM file, with or without a preamble.

    Args:
        path: the file.
        keywords: keywords of the attributes.

    Returns:
        The attributes that exist.

    Raises:
        UserError: a deflated file is too large.
        Exception: any exception of pydicom for a damaged file.
    """
    with path.open("rb") as file:
        refuse_bomb(file, str(path))
        force = begins_dicom(file.read(_HEAD))
    return pydicom.dcmread(
        path, stop_before_pixels=True, specific_tags=list(keywords), force=force
    )


def kinds_of(root: Path, names: Iterable[str]) -> dict[str, Kind]:
    """Classifies the files of a folder.

    Images are recognised by their suffix; with an unknown suffix, or none, the first
    bytes show whether a file is DICOM. A plain image with the name (case-insensitive)
    of a DICOM file is a copy of it in another format, or its mask.

    Args:
        root: folder of the names.
        names: posix paths, such as from `walk_files`.

    Returns:
        For each name, in order: `"dicom"`; `"plain"`, another image; `"beside"`, a
        plain image beside its DICOM file, not to be read; `"other"`, not an image.
    """
    kinds = {name: _kind_of(root / name) for name in names}
    originals = {bare_name(name) for name, kind in kinds.items() if kind == "dicom"}
    return {
        name: "beside" if kind == "plain" and bare_name(name) in originals else kind
        for name, kind in kinds.items()
    }


def stem_of(name: str) -> str:
    """Removes image suffixes from a file's name, but not parts of a UID.

    Args:
        name: a name or a path. `x.dcm.png` loses both suffixes.
    """
    while (shorter := _ENDS.sub("", name)) != name and not shorter.endswith("/"):
        name = shorter
    return name


def bare_name(path: str) -> str:
    """Returns a posix path without suffix, the name in lower case, to match images."""
    folder, slash, name = stem_of(path).rpartition("/")
    return folder + slash + name.lower()


def passed_over(kinds: Mapping[str, Kind], dicom_only: bool = False) -> list[str]:
    """Returns sentences on the files of a folder that are not read.

    Args:
        kinds: result of `kinds_of`.
        dicom_only: whether the data set has only DICOM images, with tables and texts
            beside them.
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
    """Returns the first bytes, empty for a file that cannot be read."""
    try:
        # Opening a pipe would block.
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def _begins_data_set(data: bytes) -> bool:
    """Returns whether a file begins with a data set, without a preamble."""
    if len(data) < 12:
        return False
    group, element, length = struct.unpack_from("<HHI", data)
    if element not in _FIRST.get(group, ()):
        return False
    explicit = data[4:6] in _FIRST_VRS
    return explicit or (group == 0x0008 and length < _LONGEST_FIRST)
