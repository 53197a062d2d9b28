"""What `keras-wa predict` writes: records, pictures and DICOM results."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from keras_wa.cli.messages import as_flags, warn
from keras_wa.cli.paths import check_writable
from keras_wa.data import ReadOptions
from keras_wa.errors import UserError, in_one_line
from keras_wa.export.cards import DISCLAIMER
from keras_wa.files import locked, make_folder, shortened

if TYPE_CHECKING:
    from keras_wa.inference.classifier import Classifier
    from keras_wa.inference.predicting import Prediction
    from keras_wa.inference.prediction_journal import PredictionJournal

STDOUT = "-"
_MOST_ROWS = 1000

# They change nothing that a record says.
_NOT_SETTINGS = ("files", "ray", "csv", "json", "command")
_PATHS = ("model", "overlay", "dicom_out")


def check_outputs(args: argparse.Namespace) -> None:
    """Checks that the files of `--json` and `--csv` can be written."""
    for flag in ("json", "csv"):
        if getattr(args, flag) not in (None, STDOUT):
            check_writable(Path(getattr(args, flag)), f"--{flag}")
    folder = folder_of(args)
    if folder is not None and folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: a file. Expected: nothing, or a folder. Remove it.")


def folder_of(args: argparse.Namespace) -> Path | None:
    """Returns where records are kept until all are there, beside the result.

    None if the job cannot be resumed: one lesion, or no file of the result.
    """
    if args.box or args.mask or args.one_lesion:
        return None
    for name in (args.csv, args.json):
        if name not in (None, STDOUT):
            path = Path(name)
            if path.is_file() or not path.exists():  # No device.
                # Hidden, so that it is no image if the folder is classified.
                return path.with_name(f".{shortened(path.name, 240)}.partial")
    return None


@contextlib.contextmanager
def journal_of(
    args: argparse.Namespace,
    classifier: Classifier,
    options: ReadOptions,
    files: Sequence[Path],
    multiple: int,
) -> Iterator[PredictionJournal]:
    """Opens the journal of a job, and removes it if the block ends without an error.

    Args:
        args: arguments of the command.
        classifier, options: the model, and how ROIs are cropped for it.
        files, multiple: see `PredictionJournal`.

    Raises:
        FolderBusyError: another process has it open.
    """
    from keras_wa.inference.prediction_files import header_of
    from keras_wa.inference.prediction_journal import PredictionJournal

    settings = {
        "arguments": {
            name: os.path.abspath(value) if name in _PATHS and value else value
            for name, value in vars(args).items()
            if name not in _NOT_SETTINGS
        },
        "header": header_of(classifier),
        "options": options,
        "model": [
            (each.name, getattr(classifier, each.name))
            for each in dataclasses.fields(classifier)
            if not callable(getattr(classifier, each.name))
        ],
    }
    # Without a digest of the weights, nothing says that the model is the same.
    folder = folder_of(args) if classifier.weights else None
    with contextlib.ExitStack() as stack:
        if folder is None:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        else:
            place = folder
            busy = (
                f"{folder}: another process is writing it. Wait for it, or name "
                "another file."
            )
            stack.enter_context(locked(place, busy))
        with PredictionJournal(place, settings, files, multiple) as journal:
            if journal.done:
                print(
                    f"*** {folder}: {journal.done} of {len(files)} files were "
                    "classified before.",
                    file=sys.stderr,
                )
            yield journal
        journal.remove()
        with contextlib.suppress(OSError):  # Another program left a file there.
            place.rmdir()


class Outputs:
    """Writes the results of a job.

    Args:
        args: arguments of the command.
        classifier: the model.
        journal: the records.
        stdout: where results to `-` go.
    """

    def __init__(
        self,
        args: argparse.Namespace,
        classifier: Classifier,
        journal: PredictionJournal,
        stdout: TextIO,
    ) -> None:
        self.args, self.classifier, self.journal = args, classifier, journal
        self.stdout = stdout
        self.overlays: Any = None
        if args.overlay is not None:
            from keras_wa.inference.overlay import Overlays

            folder = make_folder(args.overlay, "overlay")
            self.overlays = Overlays(classifier, folder, args.bits_stored)
        if args.dicom_out is not None:
            make_folder(args.dicom_out, "dicom_out")
        self._when = datetime.now()

    def add(self, file: Path, predictions: Sequence[Prediction]) -> None:
        """Writes the predictions of the next file."""
        from keras_wa.inference.prediction_files import as_record

        own = [_with_flags(each) for each in predictions]
        good = [each for each in own if not each.error]
        if self.overlays is not None:
            for number, each in enumerate(own, self.journal.count):
                if not each.error:
                    self.overlays.write(number, each)
        if self.args.dicom_out is not None and good:
            self._write_dicom(file, good)
        self.journal.add(file, [as_record(each) for each in own])

    def _write_dicom(self, file: Path, good: Sequence[Prediction]) -> None:
        from keras_wa.inference.dicom_results import notes_on, write_results

        folder, number = Path(self.args.dicom_out), self.journal.good
        try:
            write_results(self.classifier, good, folder, number, self._when)
            for note in notes_on(file):
                print(f"*** {as_flags(note)}", file=sys.stderr)
        except Exception as error:  # Whatever pydicom raises: the others go on.
            known = isinstance(error, UserError)
            text = str(error) if known else f"{file}: {in_one_line(error)}"
            print(f"error: {as_flags(text)}", file=sys.stderr)

    def finish(self) -> int:
        """Writes tables and messages. Returns the exit code."""
        from keras_wa.inference.prediction_files import (
            header_of,
            to_csv,
            to_json,
            to_table,
            write_text,
        )

        args, records = self.args, self.journal.records
        files = [args.json, args.csv]
        for name, text in (
            (args.json, to_json(header_of(self.classifier), records())),
            (args.csv, to_csv(records())),
        ):
            if name == STDOUT:
                self.stdout.writelines(text)
            elif name is not None:
                write_text(Path(name), text)
        if STDOUT not in files:
            if self.journal.count <= _MOST_ROWS or files == [None, None]:
                print(to_table(list(records())), flush=True)
            else:
                written = " and ".join(filter(None, files))
                print(f"{self.journal.count} rows: {written}", flush=True)
            warn([*self.classifier.notes, DISCLAIMER])
        code = 2
        for each in records():
            if each["error"]:
                print(f"error: {each['error']}", file=sys.stderr)
            else:
                code = 0
        return code


def _with_flags(prediction: Prediction) -> Prediction:
    return dataclasses.replace(
        prediction,
        warnings=tuple(map(as_flags, prediction.warnings)),
        error=as_flags(prediction.error),
    )
