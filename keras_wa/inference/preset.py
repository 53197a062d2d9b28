"""Presets: a classifier as a folder of weights and JSON."""

from __future__ import annotations

import dataclasses
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import keras

import keras_wa
from keras_wa.data.case_table import PARTS
from keras_wa.data.facts import facts_of
from keras_wa.errors import UserError, in_one_line
from keras_wa.export.preparation import Preprocessing
from keras_wa.export.saved_model import model_card
from keras_wa.files import replacing, write_json
from keras_wa.inference.mammogram_classifier import UNTRAINED, MammogramClassifier
from keras_wa.metrics import Estimate
from keras_wa.models.pretrained import (
    MODEL_FILE,
    RECORD_FILE,
    fetched,
    on_hub,
    trained_on,
)
from keras_wa.training.best import load_best
from keras_wa.training.decision import Decision, read_decision
from keras_wa.training.run import Run

_log = logging.getLogger(__name__)

KIND = "keras_wa preset"
FORMAT = 1
"""Version of the preset format."""

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_PREPROCESSOR, _DECISION = "preprocessor.json", "decision.json"
_METADATA, _CARD = "metadata.json", "README.md"

_FILES = [_CONFIG, _WEIGHTS, _PREPROCESSOR, _DECISION, _METADATA, _CARD]

# Entries of a SavedModel's card that are attributes of the classifier.
_OWN = ("inside", "labels", "decision")

_README = """# {name}

A classifier of mammographic ROIs, written by keras_wa {version}.

    import keras_wa
    classifier = keras_wa.MammogramClassifier.from_preset("{name}")
    probabilities = classifier.predict(images)

| | |
| --- | --- |
| Classes | {labels} |
| ROI | {size} x {size} pixels, {enhance} |
| Trained on | {trained_on} |
| Threshold | {threshold} |
{rows}
For research. Not a medical device.
"""

# Of an evaluation's metrics.json.
_RESULTS = ("n_rois", "n_patients", "split_origin", "split_hash", "notes")


def save_preset(classifier: MammogramClassifier, path: Path) -> None:
    """Writes a preset; see `MammogramClassifier.save_to_preset`."""
    if on_hub(path):
        raise UserError(
            f"{path}: presets are saved in a folder, which `hf upload` of "
            "huggingface_hub uploads. Name a folder."
        )
    if path.exists() and not _is_preset(path):
        raise UserError(f"{path} exists and is no preset. Name another folder.")
    decision, metadata = classifier.decision, classifier.metadata
    record = {
        "kind": KIND,
        "format": FORMAT,
        "keras_wa": keras_wa.__version__,
        "labels": classifier.labels,
        "network": keras.saving.serialize_keras_object(classifier.network),
    }
    with replacing(path) as partial:
        partial.mkdir(exist_ok=True)
        write_json(partial / _CONFIG, record)
        classifier.network.save_weights(partial / _WEIGHTS)
        write_json(
            partial / _PREPROCESSOR, dataclasses.asdict(classifier.preprocessing)
        )
        write_json(partial / _METADATA, metadata)
        if decision is not None:
            write_json(partial / _DECISION, dataclasses.asdict(decision))
        (partial / _CARD).write_text(
            _README.format(
                name=path.name,
                version=keras_wa.__version__,
                labels=", ".join(classifier.labels),
                size=classifier.preprocessing.image_size,
                enhance=classifier.preprocessing.enhance,
                trained_on=metadata.get("trained_on", "unknown"),
                threshold="unknown" if decision is None else decision.threshold,
                rows="".join(_rows(metadata)),
            ),
            encoding="utf-8",
        )


def load_preset(
    path: str | Path, make: Callable[..., MammogramClassifier]
) -> MammogramClassifier:
    """Loads a preset, a run or a pretraining; see `MammogramClassifier.from_preset`."""
    path = fetched(path, [*_FILES, MODEL_FILE, RECORD_FILE])
    if not path.is_dir():
        raise UserError(
            f"preset {path}: received no folder; expected a preset, a run directory or "
            "the folder of a pretraining."
        )
    if not _is_preset(path):
        if (path / RECORD_FILE).is_file() and not (path / _CONFIG).exists():
            return _of_pretraining(path, make)
        return _of_run(Run.open(path), make)
    record = _read(path, _CONFIG)
    if record.get("format") != FORMAT:
        raise UserError(
            f"{path / _CONFIG}: received format {record.get('format')!r}; expected "
            f"{FORMAT}. Use the keras_wa that wrote it ({record.get('keras_wa')})."
        )
    weights = _inside(path, _WEIGHTS)
    try:
        # Keras' safe mode runs no code of the file.
        network = keras.saving.deserialize_keras_object(
            record["network"], safe_mode=True
        )
        with warnings.catch_warnings():
            # Keras only warns if the file lacks a layer.
            warnings.simplefilter("error", UserWarning)
            network.load_weights(weights)
        return make(
            network,
            Preprocessing(**_read(path, _PREPROCESSOR)),
            record["labels"],
            decision=(
                Decision.from_mapping(_read(path, _DECISION), str(path / _DECISION))
                if (path / _DECISION).exists()
                else None
            ),
            metadata=_read(path, _METADATA),
        )
    except UserError:
        raise
    except (
        *(OSError, ValueError, TypeError, KeyError, AttributeError),
        UserWarning,
    ) as error:
        raise UserError(
            f"preset {path}: cannot be loaded ({in_one_line(error)}). Expected: a "
            "folder that `save_to_preset` wrote, unchanged."
        ) from error


def _of_run(run: Run, make: Callable[..., MammogramClassifier]) -> MammogramClassifier:
    network = load_best(run)
    card = model_card(run, network)
    return make(
        network,
        Preprocessing.of_config(run.config),
        card["labels"],
        decision=read_decision(run),
        metadata={
            **{key: card[key] for key in card if key not in _OWN},
            "data": facts_of(str(run.config.dataset)),
            "results": {part: found for part in PARTS if (found := _result(run, part))},
        },
    )


def _of_pretraining(
    path: Path, make: Callable[..., MammogramClassifier]
) -> MammogramClassifier:
    record, file = _read(path, RECORD_FILE), _inside(path, MODEL_FILE)
    try:
        network = keras.models.load_model(file, compile=False, safe_mode=True)
        classifier = make(
            network,
            Preprocessing(network.input_shape[1], record["enhance"]),
            metadata={
                "trained_on": trained_on(record),
                "field_mm": record["field_mm"],
                "crop": "fixed",
                UNTRAINED: True,
            },
        )
    except (
        *(OSError, ValueError, TypeError, KeyError, AttributeError),
        *(IndexError, BadZipFile),
    ) as error:
        raise UserError(
            f"{path}: cannot be loaded ({in_one_line(error)}). Expected: a folder that "
            "keras-wa pretrain wrote, unchanged."
        ) from error
    _log.warning(
        "%s: a pretrained trunk, its last layer is random. Call `fit` before "
        "`predict`.",
        path,
    )
    return classifier


def _result(run: Run, part: str) -> dict[str, Any]:
    """Returns what a preset keeps of a run's evaluation; empty if there is none."""
    try:
        text = (run.evaluation(part) / "metrics.json").read_text(encoding="utf-8")
        record = json.loads(text)
        metrics = {name: record["metrics"][name] for name in ("auc", "accuracy")}
        return {**{key: record[key] for key in _RESULTS}, **metrics}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _rows(metadata: dict[str, Any]) -> Iterator[str]:
    """Yields the rows of a model card on data and results, as `_of_run` has them."""
    data, results = metadata.get("data"), metadata.get("results")
    for name, text in data.items() if isinstance(data, dict) else ():
        yield f"| Data, {name} | {text} |\n"
    for part, found in results.items() if isinstance(results, dict) else ():
        try:
            auc = Estimate.from_record(found["auc"])
            rois, patients = found["n_rois"], found["n_patients"]
            split = f"{found['split_hash']}, {found['split_origin']}"
            notes = list(found["notes"])
        except (KeyError, TypeError):  # Of another program; metadata.json has it.
            continue
        yield (
            f"| AUC, {part} part | {auc} (95 %, patients): {rois} ROIs of {patients} "
            f"patients; split {split} |\n"
        )
        for note in notes:
            yield f"| Note, {part} part | {note} |\n"


def _is_preset(path: Path) -> bool:
    try:
        record = json.loads((path / _CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and record.get("kind") == KIND


def _inside(path: Path, name: str) -> Path:
    """Returns a file of the preset; rejects a link to a file outside its folder."""
    file = path / name
    if not file.is_file():
        raise UserError(f"{file}: received no file; expected one, as presets have.")
    # In the cache of the Hugging Face Hub, files are links to its blobs.
    blobs = path.resolve().parent.parent / "blobs"
    if file.resolve().parent not in (path.resolve(), blobs):
        raise UserError(
            f"{file}: received a link to {file.resolve()}; expected a file in the "
            "preset's own folder."
        )
    return file


def _read(path: Path, name: str) -> dict[str, Any]:
    file = _inside(path, name)
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: cannot be read as JSON ({error}).") from error
    if not isinstance(record, dict):
        raise UserError(
            f"{file}: received a {type(record).__name__}; expected an object."
        )
    return record
