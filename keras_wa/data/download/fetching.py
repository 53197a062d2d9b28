"""Downloads series from IDC's buckets with s5cmd: verified, resumable, atomic.

Not with idc-index' client (read at commit 038d050): it only logs s5cmd's errors,
verifies no file, and writes into the final folders.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from keras_wa.data.download.download_plan import are_complete, sizes_in
from keras_wa.data.download.s5cmd import Copied, Listed, S5cmd
from keras_wa.errors import UserError
from keras_wa.files import locked
from keras_wa.progress import ProgressBar

WAITS = (5.0, 30.0, 120.0)
"""Seconds between rounds without progress; after the last one it stops."""

_PARTIAL = ".download-"
_LOOK = 0.4


def fetch_series(
    series: pd.DataFrame,
    out: Path,
    s5cmd: S5cmd,
    waits: Sequence[float] = WAITS,
    progress: bool = True,
) -> list[tuple[str, str]]:
    """Downloads series; each is moved to its folder when complete.

    A series is complete if it has the index's numbers of files and bytes, and each file
    has its size in the bucket. Incomplete ones are tried again after a wait, until
    several rounds have no progress.

    Args:
        series: the series of a plan, with `series`, `folder`, `url`, `files`, `bytes`.
            Complete ones are skipped.
        out: the dataset's root folder; it is created if missing.
        s5cmd: the program, with the bucket's endpoint.
        waits: seconds before each further round.
        progress: whether to show a progress bar.

    Returns:
        UID and reason of each series that failed.

    Raises:
        UserError: the disk is full or another download into the folder is running.
    """
    pending = series[~are_complete(series, out)]
    if pending.empty:
        return []
    left = list(waits)
    with (
        _locked_folder(out / pending["folder"].iloc[0].split("/")[0]) as root,
        ProgressBar(
            "Downloading", int(pending["bytes"].sum()), progress, unit="bytes"
        ) as bar,
    ):
        while True:
            failures = _round(pending, out, root, s5cmd, bar)
            landed = are_complete(pending, out)
            if landed.all():
                return []
            if landed.any():
                left = list(waits)
            pending = pending[~landed]
            if not left:
                reason = "not received"
                return [(uid, failures.get(uid, reason)) for uid in pending["series"]]
            time.sleep(left.pop(0))


class _Wanted(NamedTuple):
    """A series to download."""

    series: str
    folder: str
    url: str
    files: int
    bytes: int


def _round(
    pending: pd.DataFrame, out: Path, root: Path, s5cmd: S5cmd, bar: ProgressBar
) -> dict[str, str]:
    """Tries each series once; returns UID -> reason of those that failed."""
    # In the series' folder, which may not be on the disk of `out`.
    partial = root / f"{_PARTIAL}{os.getpid()}"
    partial.mkdir()
    wanted = pending[[*_Wanted._fields]].itertuples(index=False, name=None)
    rows = {row[0]: _Wanted(*row) for row in wanted}
    before, landed, looked = bar.done, 0, time.monotonic()
    failures: dict[str, str] = {}
    listed: dict[str, dict[str, int]] = {uid: {} for uid in rows}
    urls = {uid: row.url for uid, row in rows.items()}
    try:
        # Closed, so that s5cmd is stopped before its folder is removed.
        with contextlib.closing(s5cmd.copy(urls, partial)) as events:
            for event in events:
                if isinstance(event, Copied) and event.error:
                    _refuse_full_disk(event.error, out)
                    failures[event.name] = event.error
                elif event is not None:
                    row = rows[event.name]
                    if isinstance(event, Listed):
                        listed[row.series][event.file] = event.size
                    found = sizes_in(partial / row.series)
                    if _is_whole(found, row) and found == listed[row.series]:
                        _move(partial / row.series, out / row.folder)
                        landed += row.bytes
                if time.monotonic() - looked > _LOOK:
                    bar.advance(before + landed + _bytes_in(partial) - bar.done)
                    looked = time.monotonic()
        for row in rows.values():
            found = sizes_in(partial / row.series)
            if found and row.series not in failures:
                failures[row.series] = _difference(found, listed[row.series], row)
        bar.advance(before + landed - bar.done)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return failures


def _is_whole(found: Mapping[str, int], row: _Wanted) -> bool:
    return (len(found), sum(found.values())) == (row.files, row.bytes)


def _difference(
    found: Mapping[str, int], listed: Mapping[str, int], row: _Wanted
) -> str:
    """Returns why the files of a series are not as expected, or nothing."""
    if not _is_whole(found, row):
        return (
            f"Received: {len(found)} files with {sum(found.values())} bytes; expected "
            f"{row.files} with {row.bytes}, as the index says"
        )
    names = sorted({*found, *listed})
    name = next(name for name in names if found.get(name) != listed.get(name))
    return (
        f"{name}. Received: {found.get(name, 'no')} bytes; expected "
        f"{listed.get(name, 'no such file')}, as the bucket says"
    )


def _refuse_full_disk(error: str, out: Path) -> None:
    if os.strerror(errno.ENOSPC).lower() in error.lower():
        raise UserError(
            f"{out}: the disk is full. Free some space and run the same command again; "
            "it continues where it stopped."
        )


def _move(source: Path, target: Path) -> None:
    if target.exists():  # An incomplete series; a folder in use cannot be replaced.
        shutil.rmtree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, target)


def _bytes_in(folder: Path) -> int:
    """Returns the size of the files of a folder that is being written, bytes."""
    total = 0
    for path in folder.glob("*/*"):
        with contextlib.suppress(OSError):  # s5cmd may have just renamed it.
            total += path.stat().st_size
    return total


@contextlib.contextmanager
def _locked_folder(root: Path) -> Iterator[Path]:
    """Creates and locks a folder, without the remains of a killed download."""
    busy = (
        f"{root}: another download into this folder is running. Wait for it, or name "
        "another place with `out`."
    )
    with locked(root, busy):
        for left in root.glob(f"{_PARTIAL}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield root
