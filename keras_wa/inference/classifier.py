"""Opening a trained model of any format to classify raw grey ROIs."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import keras
import numpy as np
import tensorflow as tf
import xxhash
from numpy.typing import NDArray

from keras_wa.data import ReadOptions
from keras_wa.data.pipeline.rois import Enhancement
from keras_wa.errors import UserError, in_one_line
from keras_wa.explain.subbands import image_wavelet
from keras_wa.export.cards import CARD_FORMAT, bits_of, card_file
from keras_wa.export.saving import load_saved_model, unchecked
from keras_wa.files import put_back
from keras_wa.inference.mammogram_classifier import MammogramClassifier
from keras_wa.metrics import PredictionSets
from keras_wa.models.pretrained import MODEL_FILE
from keras_wa.training.best import load_best, weights_digest
from keras_wa.training.decision import Decision, read_decision
from keras_wa.training.run import Run

Pixels = NDArray[np.uint8]

ALONE = (
    "The model was trained on two views: threshold and calibration are those of a "
    "lesion. An ROI by itself has no prediction set."
)
"""Note on an ROI of a model of two views that is classified by itself."""

# What TensorFlow raises for a SavedModel that lacks a part or is cut off.
_UNREADABLE = (
    *(OSError, ValueError, KeyError, IndexError, AttributeError),
    tf.errors.OpError,
)


@dataclasses.dataclass(frozen=True)
class Classifier:
    """A model to serve: a function of raw ROIs, and what its card says of it.

    Of a run, a preset or a `.keras` file it is made of a `MammogramClassifier`.

    Attributes:
        source: its path.
        image_size: side of the resized ROI, pixels.
        labels: names of the classes; malignant is the last.
        trained_on: name of the training data set, or `"unknown"`.
        crop, field_mm, bits_stored: how the training ROIs were read, see `ReadOptions`.
        decision: threshold, calibration and statistics of the training ROIs; None if
            unknown.
        notes: messages to show with every result.
        enhancement: the enhancement of each ROI.
        weights: XXH3-128 of the run's `best.keras`, or of the weights of a network
            without one, hexadecimal; `""` if the card does not state it.
        serve: function from uint8 `(n, height, width, 1)` to float32 `(n, classes)`; of
            an ensemble to a dictionary, see `export.saved_model.serving_model`.
        wavelet: wavelet of the network's subbands; None if it uses none, or unknown.
        views: `"two"` if it was trained on the ROIs of a lesion together, or `"one"`.
        open_network: returns the Keras model after the preprocessing, for heat maps;
            None for a SavedModel.
        explain: the signature `serve_explain` of a SavedModel, if any, see
            `explaining_function`.
    """

    source: Path
    image_size: int
    labels: tuple[str, ...]
    trained_on: str
    crop: str
    field_mm: float
    bits_stored: int | None
    decision: Decision | None
    notes: tuple[str, ...]
    enhancement: Enhancement
    serve: Callable[[Any], Any]
    weights: str = ""
    wavelet: str | None = None
    views: str = "one"
    open_network: Callable[[], keras.Model] | None = None
    explain: Callable[[Any], Any] | None = None

    def __call__(self, rois: Pixels) -> NDArray[np.float64]:
        """Returns the probabilities, `(n, classes)`, of ROIs `(n, H, W)`."""
        return self.of_members(rois).mean(axis=1)

    def of_members(self, rois: Pixels) -> NDArray[np.float64]:
        """Returns the probabilities of each member of an ensemble.

        Returns:
            `(n, members, classes)`; a single model is one member.
        """
        if not len(rois):
            return np.zeros((0, 1, len(self.labels)))
        found = self.serve(tf.constant(rois[..., np.newaxis]))
        members = found["members"] if isinstance(found, dict) else found[:, tf.newaxis]
        # A float32 probability can exceed 1 by rounding.
        return np.clip(np.asarray(members, np.float64), 0.0, 1.0)

    @property
    def prediction_set_coverage(self) -> float | None:
        """Guaranteed coverage of the prediction sets; None if there is no guarantee."""
        sets = None if self.decision is None else self.decision.prediction_sets
        return None if sets is None or sets.caveat else sets.coverage

    def read_options(self, crop: str | None = None, **options: Any) -> ReadOptions:
        """Returns how to crop an ROI, by default as the training ROIs were cropped."""
        # An official crop is a separate file; a box is cropped by the default method.
        crop = crop or self.crop.replace("official", "fixed")
        return ReadOptions(crop=crop, field_mm=self.field_mm, **options)


def open_classifier(path: str | Path) -> Classifier:
    """Opens a run, a preset, an exported SavedModel, or a `.keras` file.

    Presets and `.keras` files are read in Keras' safe mode, which runs no code of the
    file. A SavedModel is a program that TensorFlow runs.

    Args:
        path: the folder or file. The `best.keras` of a run opens the run. For other
            `.keras` files, preprocessing and threshold are unknown: the default CLAHE
            is used, with a note.

    Raises:
        UserError: the path is none of these, or cannot be read.
    """
    path = Path(path)
    if not path.exists():
        with contextlib.suppress(OSError):
            put_back(path)  # A process may have been killed during an export.
    if (path / "saved_model.pb").is_file():
        return _of_saved_model(path)
    of_run = path.name == "best.keras" and path.is_file()
    folder = path.parent if of_run else path
    if (folder / "config.json").is_file():
        exported = _exported(folder)
        return exported or _of_model(MammogramClassifier.from_preset(folder), folder)
    if path.suffix == ".keras" and path.is_file():
        return _of_file(path)
    what = "a folder of another kind" if path.is_dir() else "a file of another kind"
    raise UserError(
        f"MODEL {path}. Received: {what if path.exists() else 'nothing there'}; "
        "expected a run directory, a preset, a SavedModel or a .keras file."
    )


def _exported(path: Path) -> Classifier | None:
    """Opens a run by its SavedModel, if that has the run's current weights.

    It is 2.5 s faster than loading `best.keras` with Keras.
    """
    if not (path / "saved_model").is_dir():  # As of a preset.
        return None
    try:
        run = Run.open(path)
        card = _read_card(run.saved_model)
        digest = weights_digest(run)
        if (card.get("format"), card.get("weights")) != (CARD_FORMAT, digest):
            return None
        # The run may have been evaluated since.
        decision = read_decision(run)
        card["decision"] = decision and dataclasses.asdict(decision)
        serve = unchecked(load_saved_model(run.saved_model), "serve")
    except _UNREADABLE:
        return None

    def open_network() -> keras.Model:
        if weights_digest(run) != digest:
            raise UserError(
                f"{run.best}: the weights have changed since {path} was opened: heat "
                "and probability would be of different weights. Open it again."
            )
        return load_best(run)

    return _described(card, path, serve, open_network)


def _of_model(model: MammogramClassifier, source: Path) -> Classifier:
    signature = [tf.TensorSpec((None, None, None, 1), tf.uint8)]
    serving = model.serving_model()

    @tf.function(input_signature=signature, autograph=False)
    def serve(rois: tf.Tensor) -> tf.Tensor:
        return serving(rois, training=False)

    return _described(model.card(), source, serve, lambda: model.network)


def _read_card(path: Path) -> dict[str, Any]:
    file = card_file(path)
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(card, dict):
            raise ValueError(f"a {type(card).__name__}")
    except (OSError, ValueError) as error:
        raise UserError(
            f"{file}: cannot be read ({error}). Expected: a SavedModel that "
            "`export_saved_model` wrote."
        ) from error
    return card


def _of_saved_model(path: Path) -> Classifier:
    card = _read_card(path)
    try:
        loaded = load_saved_model(path)
        serve = unchecked(loaded, "serve")
    except _UNREADABLE as error:
        raise UserError(
            f"{path}: no SavedModel that can be read ({in_one_line(error)})."
        ) from error
    explain = unchecked(loaded, "serve_explain") if "explain" in card else None
    return _described(card, path, serve, explain=explain)


def _of_file(path: Path) -> Classifier:
    if path.name == MODEL_FILE:
        raise UserError(
            f"{path}: received a pretraining, whose last layer is random; expected a "
            f"trained model. Train one with weights={str(path.parent)!r}."
        )
    try:
        network = keras.models.load_model(path, compile=False, safe_mode=True)
        if isinstance(network, keras.Sequential):
            network = keras.Model(network.inputs, network.outputs)
        shape, classes = network.input_shape, network.output_shape[-1]
    except (
        *(OSError, ValueError, TypeError, KeyError, BadZipFile),
        # For a model that was never called.
        AttributeError,
    ) as error:
        raise UserError(
            f"{path}: no model that can be read ({in_one_line(error)})."
        ) from error
    if len(shape) != 4 or shape[-1] != 1 or shape[1] is None or classes not in (2, 3):
        raise UserError(
            f"{path}: another kind of model. Received: {shape} to "
            f"{network.output_shape}; expected (None, side, side, 1) to (None, 2)."
        )
    metadata = {
        "weights": xxhash.xxh3_128_hexdigest(path.read_bytes()),
        "wavelet": image_wavelet(network),
    }
    found = _of_model(MammogramClassifier(network, metadata=metadata), path)
    note = (
        f"{path} is a bare model file: that its ROIs were enhanced by CLAHE as by "
        "default is assumed, and no threshold is known. Name its run directory."
    )
    return dataclasses.replace(found, notes=(note,))


def _described(
    card: dict[str, Any],
    source: Path,
    serve: Callable[[Any], Any],
    open_network: Callable[[], keras.Model] | None = None,
    explain: Callable[[Any], Any] | None = None,
) -> Classifier:
    try:
        inside, decision = card["inside"], card.get("decision")
        if decision is not None:
            decision = Decision.from_mapping(decision, str(source))
        return Classifier(
            source=source,
            image_size=int(inside["resize"][0]),
            labels=tuple(card["labels"]),
            trained_on=str(card["trained_on"]),
            crop=str(card.get("crop", "fixed")),
            field_mm=float(card.get("field_mm", 25.6)),
            bits_stored=bits_of(card),
            decision=decision,
            notes=tuple(_notes(card)),
            enhancement=Enhancement(
                inside["enhance"], float(inside["clip_limit"]), int(inside["tiles"])
            ),
            serve=serve,
            # Unknown in older exports.
            weights=str(card.get("weights", "")),
            wavelet=card.get("wavelet"),
            views=str(card.get("views", "one")),
            open_network=open_network,
            explain=explain,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{source}: its card cannot be read ({error}).") from error


def _notes(card: dict[str, Any]) -> list[str]:
    notes = []
    if card["trained_on"] == "phantom":
        notes.append(
            "The model was trained on a phantom (in-silico ROIs): it says nothing "
            "about benign or malignant in a real breast."
        )
    decision = card.get("decision")
    if decision is None:
        notes.append(
            "No threshold and no calibration are known, so there is no decision. "
            "Evaluate the run with `evaluate_run`, and export it again."
        )
    if card.get("views") == "two":
        notes.append(ALONE)
    if decision and decision.get("prediction_sets"):
        caveat = PredictionSets(**decision["prediction_sets"]).caveat
        notes += [caveat] if caveat else []
    return notes
