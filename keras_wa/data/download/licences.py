"""The licence and the citations of downloaded data."""

from __future__ import annotations

from pathlib import Path

from keras_wa.data.download.index import IdcIndex
from keras_wa.data.download.sources import Source
from keras_wa.files import replacing

FILE_NAME = "LICENSE-AND-CITATION.txt"
"""Name of the file in the dataset's root folder."""


def licence_text(source: Source, index: IdcIndex) -> str:
    """Returns the licence of a dataset and what to cite.

    Args:
        source: the dataset.
        index: its part of IDC's index, with licences and citations.

    Returns:
        Lines of text.
    """
    dois = sorted(set(index.series["source_DOI"].str.lower()))
    licences = index.licences or sorted(set(index.series["license_short_name"]))
    lines = [
        f"{source.title}, from the Imaging Data Commons: {index.version}",
        *(f"DOI: https://doi.org/{doi}" for doi in dois),
        *(f"Licence: {licence}" for licence in licences),
        "The licence asks you to name the authors. Cite:",
        *(f"- {text}" for text in (*index.citations, *source.papers)),
    ]
    return "\n".join(lines) + "\n"


def write_licence(text: str, out: Path) -> Path:
    """Writes the licence text into the dataset's folder.

    Args:
        text: the result of `licence_text`.
        out: the dataset's root folder, which must exist.

    Returns:
        The path of the file.
    """
    path = out / FILE_NAME
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return path
