"""Licence and citation go with the data."""

from __future__ import annotations

from pathlib import Path

import pytest

from keras_wa.data.download import (
    CBIS_DDSM,
    CMMD,
    licence_text,
    read_index,
    write_licence,
)

BOTH = ("10.1007/s10278-013-9622-7", "rg.230180")  # TCIA and IDC.


@pytest.mark.parametrize(
    ("source", "doi", "licence", "author", "paper"),
    [
        (CBIS_DDSM, "k9/tcia.2016.7o02s9cy", "3.0", "Sawyer-Lee, R.", "sdata.2017.177"),
        (CMMD, "tcia.eqde-4b16", "4.0", "Cui, C.", "s41597-023-02025-1"),
    ],
)
def test_licence_doi_and_papers_are_named(source, doi, licence, author, paper):
    index = read_index(source.collection)
    text = licence_text(source, index)
    for part in (
        *(f"https://doi.org/10.7937/{doi}", author, f"10.1038/{paper}", *BOTH),
        *(f"CC BY {licence}", f"https://creativecommons.org/licenses/by/{licence}/"),
        index.version,
    ):
        assert part in text


def test_the_text_lies_beside_the_data(tmp_path: Path):
    assert write_licence("Ours\n", tmp_path) == tmp_path / "LICENSE-AND-CITATION.txt"
    write_licence("Théirs\n", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["LICENSE-AND-CITATION.txt"]
    text = (tmp_path / "LICENSE-AND-CITATION.txt").read_text(encoding="utf-8")
    assert text == "Théirs\n"
