"""IDC's index of series with locations and sizes."""

from __future__ import annotations

import dataclasses
import html
import re
from typing import Any

import pandas as pd

from keras_wa.errors import UserError

_COLUMNS = (
    "PatientID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SeriesDescription",
    "Modality",
    "instanceCount",
    "series_size_MB",
    "series_aws_url",
    "license_short_name",
    "source_DOI",
)


@dataclasses.dataclass(frozen=True)
class IdcIndex:
    """One collection in a version of IDC's index.

    Attributes:
        series: one row per series, with the columns of the index.
        licences: name and URL of each licence.
        citations: citations of the collection, from IDC.
        version: version of the index, such as `IDC v25 (idc-index-data 25.0.5)`.
    """

    series: pd.DataFrame
    licences: list[str]
    citations: list[str]
    version: str


def read_index(collection: str) -> IdcIndex:
    """Reads the index in the package `idc-index-data`, without a network.

    The package `idc-index` would read all of its million series.

    Args:
        collection: IDC's `collection_id`, such as `cbis_ddsm`.

    Returns:
        The collection's part of the index.

    Raises:
        UserError: the package is not installed or lacks the collection or a column.
    """
    try:
        import idc_index_data
        import pyarrow  # noqa: F401  (pandas reads Parquet with it)
    except ImportError as error:
        raise UserError(
            f"Downloading needs the extra `download`. Received: {error}; install it: "
            "pip install 'keras_wa[download]'"
        ) from error
    version = idc_index_data.__version__
    name = f"IDC v{version.split('.')[0]} (idc-index-data {version})"
    try:
        metadata = idc_index_data.INDEX_METADATA["collections_index"]
        series = pd.read_parquet(
            str(idc_index_data.IDC_INDEX_PARQUET_FILEPATH),
            columns=list(_COLUMNS),
            filters=[("collection_id", "==", collection)],
        )
        collections = pd.read_parquet(
            str(metadata["parquet_filepath"]),
            columns=["collection_id", "sources"],
            filters=[("collection_id", "==", collection)],
        )
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise UserError(
            f"{name}: cannot be read ({error}). Install it again: pip uninstall "
            "idc-index-data, then pip install idc-index-data"
        ) from error
    if series.empty:
        raise UserError(
            f"{name}: no series of the collection {collection!r}. Received: an index "
            "without it; update it: pip install -U idc-index-data"
        )
    dois = set(series["source_DOI"].str.lower())
    sources = [
        source
        for row in collections["sources"]
        for source in row
        if source["source_doi"].lower() in dois
    ]
    return IdcIndex(
        series=series,
        licences=_unique(_licence(source["license"]) for source in sources),
        citations=_unique(_plain(source["citation"]) for source in sources),
        version=name,
    )


def _licence(licence: dict[str, str]) -> str:
    return (
        f"{licence['license_short_name']} ({licence['license_long_name']}), "
        f"{licence['license_url']}"
    )


def _plain(text: str) -> str:
    """Removes HTML and line breaks from a text."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", text)).split())


def _unique(items: Any) -> list[str]:
    return list(dict.fromkeys(items))
