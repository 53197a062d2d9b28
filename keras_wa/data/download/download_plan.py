"""Plans a download: series, sizes and free disk space."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pandas as pd

from keras_wa.data.download.selection import Selection

# Files occupy whole blocks of the disk.
_BLOCK = 4096


@dataclasses.dataclass(frozen=True)
class Plan:
    """A selection compared with the disk.

    Attributes:
        series: the selection's series with a bool column `here`: complete on the disk.
        out: the dataset's root folder, which may not exist yet.
    """

    series: pd.DataFrame
    out: Path

    @property
    def to_fetch(self) -> pd.DataFrame:
        """Returns the series that are not complete on the disk."""
        return self.series[~self.series["here"]]

    def describe(self) -> list[str]:
        """Returns lines of a table: series, files and size of each part, free space."""
        total = self.series.assign(part="total")
        # In the order of the selection, the total last.
        groups = pd.concat([self.series, total]).groupby("part", sort=False)
        rows = [("part", "series", "files", "size", "here already")]
        for part, group in groups:
            rows.append(
                (
                    str(part),
                    f"{len(group):,}",
                    f"{group['files'].sum():,}",
                    size_text(group["bytes"].sum()),
                    f"{group['here'].sum():,}",
                )
            )
        lines = [
            f"{row[0]:<17}" + "".join(f"{cell:>14}" for cell in row[1:]) for row in rows
        ]
        missing = self.to_fetch
        lines.append(
            f"To fetch: {len(missing):,} series, {size_text(missing['bytes'].sum())}. "
            f"Free on the disk of {self.out}: {size_text(free_bytes(self.out))}."
        )
        return lines

    def shortage(self) -> str | None:
        """Returns what to do if the disk space does not suffice, else None."""
        missing = self.to_fetch
        needed = int((missing["bytes"] + _BLOCK * missing["files"]).sum())
        free = free_bytes(self.out)
        if free >= needed:
            return None
        return (
            f"{self.out}: not enough free disk. Received: {size_text(free)}; expected "
            f"at least {size_text(needed)}. Free some space, name another place with "
            "`out`, or fetch less: `lesion`, `parts`, `limit_patients`."
        )


def make_plan(selection: Selection, out: Path) -> Plan:
    """Compares a selection with the files on the disk.

    Args:
        selection: the series to download.
        out: the dataset's root folder.

    Returns:
        The plan.
    """
    return Plan(selection.series.assign(here=are_complete(selection.series, out)), out)


def are_complete(series: pd.DataFrame, out: Path) -> pd.Series:
    """Returns whether each series has the numbers of files and bytes of the index."""
    here = []
    for folder, files, size in zip(
        series["folder"], series["files"], series["bytes"], strict=True
    ):
        found = sizes_in(out / folder).values()
        here.append((len(found), sum(found)) == (files, size))
    return pd.Series(here, index=series.index, dtype=bool)


def sizes_in(folder: Path) -> dict[str, int]:
    """Returns the size of each DICOM file of a series, bytes; empty without folder."""
    try:
        return {path.name: path.stat().st_size for path in folder.glob("*.dcm")}
    except OSError:
        return {}


def free_bytes(folder: Path) -> int:
    """Returns the free bytes on the disk of a folder, which may not exist yet."""
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    return shutil.disk_usage(there).free


def size_text(size: float) -> str:
    """Formats a number of bytes in decimal GB or MB."""
    return f"{size / 1e9:,.2f} GB" if size >= 1e9 else f"{size / 1e6:,.2f} MB"
