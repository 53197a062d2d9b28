"""The datasets that can be downloaded, with their citations."""

from __future__ import annotations

import dataclasses

from keras_wa.data.readers.cbis_ddsm import LIST_NAMES

TCIA = (
    "Clark K, Vendt B, Smith K, et al. The Cancer Imaging Archive (TCIA): Maintaining "
    "and Operating a Public Information Repository. Journal of Digital Imaging 26(6), "
    "1045-1057 (2013). https://doi.org/10.1007/s10278-013-9622-7"
)
IDC = (
    "Fedorov A, Longabaugh WJR, Pot D, et al. National Cancer Institute Imaging Data "
    "Commons: Toward Transparency, Reproducibility, and Scalability in Imaging "
    "Artificial Intelligence. RadioGraphics 43(12) (2023). "
    "https://doi.org/10.1148/rg.230180"
)


@dataclasses.dataclass(frozen=True)
class Source:
    """A dataset from the Imaging Data Commons (IDC).

    Attributes:
        name: name on the command line; also the folder in `data/`.
        title: title of the dataset.
        collection: IDC's `collection_id`; also the first folder of its layout.
        page: page for downloading its tables by hand.
        tables: names of further files from TCIA.
        papers: citations besides the dataset itself.
    """

    name: str
    title: str
    collection: str
    page: str
    tables: tuple[str, ...]
    papers: tuple[str, ...]


CBIS_DDSM = Source(
    name="cbis-ddsm",
    title="CBIS-DDSM",
    collection="cbis_ddsm",
    page="https://www.cancerimagingarchive.net/collection/cbis-ddsm/",
    tables=tuple(LIST_NAMES.values()),
    papers=(
        "Lee RS, Gimenez F, Hoogi A, Miyake KK, Gorovoy M, Rubin DL. A curated "
        "mammography data set for use in computer-aided detection and diagnosis "
        "research. Scientific Data 4, 170177 (2017). "
        "https://doi.org/10.1038/sdata.2017.177",
        TCIA,
        IDC,
    ),
)
CMMD = Source(
    name="cmmd",
    title="CMMD",
    collection="cmmd",
    page="https://www.cancerimagingarchive.net/collection/cmmd/",
    tables=("CMMD_clinicaldata_revision.xlsx",),
    papers=(
        "Cai H, Wang J, Dan T, et al. An Online Mammography Database with Biopsy "
        "Confirmed Types. Scientific Data 10 (2023). "
        "https://doi.org/10.1038/s41597-023-02025-1",
        TCIA,
        IDC,
    ),
)
SOURCES = {source.name: source for source in (CBIS_DDSM, CMMD)}
"""The datasets by their name on the command line."""


def table_names(source: Source, lesion: str) -> list[str]:
    """Returns the tables for a part of a dataset.

    Args:
        source: the dataset.
        lesion: `calcification`, `mass` or `all`; CBIS-DDSM has a list for each.

    Returns:
        File names.
    """
    if source is not CBIS_DDSM:
        return list(source.tables)
    return [name for (kind, _), name in LIST_NAMES.items() if lesion in (kind, "all")]
