"""`keras-wa download`."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path

from keras_wa.cli.flags import flag_of
from keras_wa.cli.messages import say, warn
from keras_wa.data.download import (
    CBIS_DDSM,
    ENDPOINTS,
    PARTS,
    SOURCES,
    IdcIndex,
    Plan,
    S5cmd,
    Source,
    Tables,
    fetch_series,
    install,
    licence_text,
    make_plan,
    obtained_tables,
    read_index,
    select_all,
    select_cbis_ddsm,
    size_text,
    table_names,
    write_licence,
)
from keras_wa.data.options import LESIONS
from keras_wa.data.readers.cbis_ddsm import PHANTOM_SETTINGS, CaseLists, read_case_lists
from keras_wa.data.readers.cbis_ddsm.idc_series import (
    assign_series,
    describe,
    missing_series,
)
from keras_wa.errors import UserError, unknown_name
from keras_wa.files import make_folder, replacing
from keras_wa.ranges import Range

EXAMPLE = "keras-wa download cbis-ddsm --lesion calcification --dry-run"

_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's arguments to its parser."""
    parser.add_argument("name", metavar="DATASET", help="cbis-ddsm or cmmd")
    parser.add_argument(
        "--lesion",
        metavar="TYPE",
        help="for cbis-ddsm: calcification (default), mass or all",
    )
    parser.add_argument(
        "--parts",
        metavar="LIST",
        help="for cbis-ddsm: any of crops,masks,full (default: all three)",
    )
    parser.add_argument("--out", metavar="DIR", help="default: data/DATASET")
    parser.add_argument(
        "--limit-patients",
        type=Range(1, whole=True),
        metavar="N",
        help="only the N patients with the lowest numbers",
    )
    parser.add_argument(
        "--case-lists",
        metavar="DIR",
        help="folder with the case lists (cmmd: its spreadsheet), in place of TCIA",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would be downloaded, and exit"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--source", default="aws", metavar="CLOUD", help="aws (default) or gcs"
    )
    parser.add_argument(
        "--endpoint-url",
        dest="endpoint",
        metavar="URL",
        help="an S3 mirror of IDC's bucket",
    )
    parser.add_argument(
        "--workers",
        type=Range(1, 1024, whole=True),
        default=32,
        metavar="N",
        help="number of parallel downloads (default: 32)",
    )
    parser.add_argument(
        "--series-table",
        metavar="CSV",
        help="for cbis-ddsm: write the case and part of each IDC series, and exit",
    )


def run(args: argparse.Namespace) -> int:
    """Downloads a dataset. Returns the exit code."""
    source, lesion, parts, out = _checked(args)
    index = read_index(source.collection)
    lists_given = Path(args.case_lists) if args.case_lists else None
    obtained = obtained_tables(source, table_names(source, lesion), out, lists_given)
    patients = args.limit_patients
    with contextlib.ExitStack() as stack:
        tables = None
        if source is CBIS_DDSM:
            tables = stack.enter_context(obtained)
            lists = read_case_lists(tables.paths)
            if args.series_table:
                return _write_series_table(index, lists, Path(args.series_table))
            selection = select_cbis_ddsm(
                index.series, lists.cases, lesion, parts, patients
            )
            warn(tables.notes)
            warn(f"Left out: {where}, {why}" for where, why in lists.skipped)
        else:
            selection = select_all(index.series, source.collection, patients)
        plan = make_plan(selection, out)
        licence = licence_text(source, index)
        say(f"{source.title}, {selection.what}; {index.version}\n")
        say("\n".join(plan.describe()))
        warn(selection.notes)
        say(f"\n{licence}")
        shortage = plan.shortage()
        if args.dry_run:
            warn([shortage] if shortage else [])
            return 0
        if shortage:
            raise UserError(shortage)
        if len(plan.to_fetch) and not (args.yes or _agreed()):
            say("Nothing was fetched.")
            return 0
        if tables is None:
            tables = stack.enter_context(obtained)
            warn(tables.notes)
        s5cmd = S5cmd(args.endpoint or ENDPOINTS[args.source], args.workers)
        return _download(plan, tables, licence, s5cmd)


def _checked(
    args: argparse.Namespace,
) -> tuple[Source, str, tuple[str, ...], Path]:
    """Returns the source, the type of lesion, the parts and the output folder."""
    if args.name not in SOURCES:
        raise unknown_name("data set", args.name, SOURCES)
    if args.source not in ENDPOINTS:
        raise unknown_name("--source", args.source, ENDPOINTS)
    source = SOURCES[args.name]
    if source is not CBIS_DDSM:
        for name in ("lesion", "parts", "series_table"):
            if getattr(args, name) is not None:
                raise UserError(
                    f"{flag_of(name)}. Received: {getattr(args, name)!r} with "
                    f"{args.name}; expected no such flag: only cbis-ddsm has parts."
                )
    whole = args.series_table or source is not CBIS_DDSM
    lesion = args.lesion or ("all" if whole else "calcification")
    if lesion not in LESIONS:
        raise unknown_name("--lesion", lesion, LESIONS)
    parts = tuple((args.parts or ",".join(PARTS)).split(","))
    for part in parts:
        if part not in PARTS:
            raise unknown_name("--parts", part, PARTS)
    out = Path(args.out or f"data/{source.name}")
    if (out / PHANTOM_SETTINGS).exists():
        raise UserError(
            f"{out}: holds a phantom tree ({PHANTOM_SETTINGS}), which must not be "
            "mixed with the data set. Expected: another folder; name it with --out."
        )
    return source, lesion, parts, out


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise UserError("No terminal to confirm the download. Expected: --yes.")
    return input("Fetch this? [y/N] ").strip().lower() in ("y", "yes")


def _download(plan: Plan, tables: Tables, licence: str, s5cmd: S5cmd) -> int:
    """Writes the tables and the licence, downloads the series, prints a summary."""
    missing = plan.to_fetch
    if len(missing):
        # Checked before any file is written.
        s5cmd.check(missing["url"].iloc[0])
    plan.out.mkdir(parents=True, exist_ok=True)
    install(tables.paths, plan.out)
    write_licence(licence, plan.out)
    try:
        failures = fetch_series(missing, plan.out, s5cmd)
    except KeyboardInterrupt:
        say("\nComplete files are kept; the same command continues from there.")
        raise
    if failures:
        warn(f"series {uid}: {reason}" for uid, reason in failures[:_SHOWN])
        raise UserError(
            f"{len(failures)} of {len(plan.series)} series could not be fetched, the "
            f"first: {failures[0][0]} ({failures[0][1]}). Run the same command again; "
            "it continues where it stopped."
        )
    say(
        f"Complete: {len(plan.series)} series, {size_text(plan.series['bytes'].sum())},"
        f" in {plan.out}"
    )
    return 0


def _write_series_table(index: IdcIndex, lists: CaseLists, path: Path) -> int:
    """Writes the assignment of every series and prints a summary of it."""
    make_folder(path.parent, "series_table")
    assigned = assign_series(index.series, lists.cases)
    say(describe(assigned, missing_series(index.series, lists.cases)))
    with replacing(path) as partial:
        assigned.to_csv(partial, index=False, lineterminator="\n")
    say(f"\n{index.version}: {path}")
    return 0
