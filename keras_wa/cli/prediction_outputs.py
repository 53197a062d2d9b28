"""What `keras-wa predict` writes: records, pictures and DICOM results."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_wa.cli.messages import as_flags, warn
from keras_wa.cli.paths import check_writable
from keras_wa.errors import UserError
from keras_wa.export.cards import DISCLAIMER
from keras_wa.files import locked, make_folder

if TYPE_CHECKING:
    from keras_wa.inference.classifier import Classifier
    from keras_wa.inference.predicting import Prediction
    from keras_wa.inference.prediction_journal import PredictionJournal

STDOUT = "-"
_MOST_ROWS = 1000

# They change nothing that a record says.
_NOT_SETTINGS = ("files", "ray", "csv", "json", "command")


def check_outputs(args: argparse.Namespace) -> None:
    """Checks that the files of `--json` and `--csv` can be written."""
    if args.json == STDOUT and args.csv == STDOUT:
        raise UserError("--json and --csv cannot both go to stdout.")
    for flag in ("json", "csv"):
        if getattr(args, flag) not in (None, STDOUT):
            check_writable(Path(getattr(args, flag)), f"--{flag}")


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
                return path.with_name(f"{path.name}.partial")
    return None


@contextlib.contextmanager
def journal_of(
    args: argparse.Namespace,
    classifier: Classifier,
    files: Sequence[Path],
    multiple: int,
) -> Iterator[PredictionJournal]:
    """Opens the journal of a job, and removes it at the end of the block.

    If the block fails, the journal is kept for the next start.
    """
    from keras_wa.inference.prediction_files import header_of
    from keras_wa.inference.prediction_journal import PredictionJournal

    settings = {
        "arguments": {k: v for k, v in vars(args).items() if k not in _NOT_SETTINGS},
        "model": header_of(classifier),
        "weights": classifier.weights,
        "decision": classifier.decision,
        "enhancement": classifier.enhancement,
    }
    folder = folder_of(args)
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
        journal = PredictionJournal(place, settings, files, multiple)
        with journal:
            if journal.done:
                print(
                    f"*** {folder}: {journal.done} of {len(files)} files were "
                    "classified before; the rest follows.",
                    file=sys.stderr,
                )
            yield journal
        if folder is not None:
            journal.remove()
            folder.rmdir()


class Outputs:
    """Writes the results of a job.

    Args:
        args: arguments of the command.
        classifier: the model.
        journal: the records.
    """

    def __init__(
        self,
        args: argparse.Namespace,
        classifier: Classifier,
        journal: PredictionJournal,
    ) -> None:
        self.args, self.classifier, self.journal = args, classifier, journal
        self.overlays: Any = None
        if args.overlay is not None:
            from keras_wa.inference.overlay import Overlays

            folder = make_folder(args.overlay, "overlay")
            self.overlays = Overlays(classifier, folder, args.bits_stored)
        if args.dicom_out is not None:
            make_folder(args.dicom_out, "dicom_out")
        self._when = datetime.now()
        self._errors: list[str] = []

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

        folder, number = Path(self.args.dicom_out), self.journal.done
        try:
            write_results(self.classifier, good, folder, number, self._when)
            for note in notes_on(file):
                print(f"*** {as_flags(note)}", file=sys.stderr)
        except UserError as error:
            self._errors.append(as_flags(str(error)))

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
                sys.stdout.writelines(text)
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
        for error in self._errors:
            print(f"error: {error}", file=sys.stderr)
        return code


def _with_flags(prediction: Prediction) -> Prediction:
    return dataclasses.replace(
        prediction,
        warnings=tuple(map(as_flags, prediction.warnings)),
        error=as_flags(prediction.error),
    )
