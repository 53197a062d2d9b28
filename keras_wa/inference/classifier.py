"""Loading a trained model of any format as a classifier of raw grey ROIs."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
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

from keras_wa.data.classes import CLASS_NAMES
from keras_wa.data.pipeline.rois import Enhancement
from keras_wa.errors import UserError, in_one_line
from keras_wa.explain.subbands import image_wavelet
from keras_wa.export.cards import bits_of, card_file
from keras_wa.export.folding import fold
from keras_wa.export.preparation import Preprocessing
from keras_wa.export.saved_model import model_card, serving_model, weights_digest
from keras_wa.export.variable_weights import (
    load_saved_model,
    load_with_variables,
    unchecked,
)
from keras_wa.files import put_back
from keras_wa.training.best import load_best
from keras_wa.training.config import TrainConfig
from keras_wa.training.decision import Decision, read_decision
from keras_wa.training.run import Run

Pixels = NDArray[np.uint8]


@dataclasses.dataclass(frozen=True)
class Classifier:
    """A trained model that maps raw ROIs to the probability of each class.

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
        weights: XXH3-128 of the run's `best.keras`, hexadecimal; `""` for older
            SavedModels.
        serve: function from uint8 `(n, height, width, 1)` to float32 `(n, classes)`.
        wavelet: wavelet of the network's subbands; None if it uses none, or unknown.
        open_network: returns the Keras model after the preprocessing, for heat maps;
            None for a SavedModel.
        config: configuration of the training; None for a SavedModel.
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
    open_network: Callable[[], keras.Model] | None = None
    config: TrainConfig | None = None
    explain: Callable[[Any], Any] | None = None

    def __call__(self, rois: Pixels) -> NDArray[np.float64]:
        """Returns the probabilities, `(n, classes)`, of ROIs `(n, H, W)`."""
        if not len(rois):
            return np.zeros((0, len(self.labels)))
        found = np.asarray(self.serve(tf.constant(rois[..., np.newaxis])), np.float64)
        # A float32 probability can exceed 1 by rounding.
        return np.clip(found, 0.0, 1.0)


def open_classifier(path: str | Path, frozen: bool = True) -> Classifier:
    """Opens a run, an exported SavedModel, or a `.keras` file.

    A `.keras` file is read in Keras' safe mode, which runs no code of the file. A
    SavedModel is a program that TensorFlow runs.

    Args:
        path: a run directory, a SavedModel directory, or a `.keras` file. The
            `best.keras` of a run opens the run. For other files, preprocessing and
            threshold are unknown: the default CLAHE is used, with a note.
        frozen: whether to keep the weights of a SavedModel constant, which is faster
            for a server; else it opens faster and needs less memory, see
            `load_with_variables`.
            This also applies to a run whose SavedModel has its current weights.

    Returns:
        The classifier.

    Raises:
        UserError: the path is none of these, or cannot be read.
    """
    path = Path(path)
    if not path.exists():
        with contextlib.suppress(OSError):
            put_back(path)  # A process may have been killed during an export.
    if (path / "saved_model.pb").is_file():
        return _of_saved_model(path, frozen)
    if (path / "config.json").is_file():
        return _of_run(Run.open(path), frozen)
    if path.suffix == ".keras" and path.is_file():
        if path.name == "best.keras" and (path.parent / "config.json").is_file():
            return _of_run(Run.open(path.parent), frozen)
        return _of_file(path)
    what = "a folder of another kind" if path.is_dir() else "a file of another kind"
    raise UserError(
        f"MODEL {path}. Received: {what if path.exists() else 'nothing there'}; "
        "expected a run directory, a SavedModel or a .keras file."
    )


def _of_run(run: Run, frozen: bool) -> Classifier:
    exported = None if frozen else _exported(run)
    if exported is not None:
        # 2.5 s faster than loading best.keras with Keras.
        serve, card = exported
        open_network = functools.partial(load_best, run)
    else:
        network = load_best(run)
        serve = _traced(
            serving_model(fold(network), Preprocessing.of_config(run.config))
        )
        card = model_card(run, network)
        open_network = functools.partial(_same, network)
    return _described(card, run.path, serve, open_network, run.config)


def _exported(run: Run) -> tuple[Callable[[Any], Any], dict[str, Any]] | None:
    """Returns the run's SavedModel with the run's card, if its weights are current."""
    try:
        card = _read_card(run.saved_model)
        if card.get("weights") != weights_digest(run):
            return None
        # The run may have been evaluated since.
        decision = read_decision(run)
        card["decision"] = None if decision is None else dataclasses.asdict(decision)
        return load_with_variables(run.saved_model), card
    except (OSError, ValueError, tf.errors.OpError, UserError):
        return None


def _same(network: keras.Model) -> keras.Model:
    return network


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


def _of_saved_model(path: Path, frozen: bool) -> Classifier:
    card = _read_card(path)
    load = functools.cache(lambda: load_saved_model(path))
    try:
        serve = unchecked(load(), "serve") if frozen else load_with_variables(path)
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise UserError(
            f"{path}: no SavedModel that can be read ({in_one_line(error)})."
        ) from error
    explain = None
    if "explain" in card:

        def explain(roi: Any) -> Any:
            return unchecked(load(), "serve_explain")(roi)

    return _described(card, path, serve, explain=explain)


def _of_file(path: Path) -> Classifier:
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
    config = TrainConfig(image_size=int(shape[1]), classes=int(classes))
    return Classifier(
        source=path,
        image_size=config.image_size,
        labels=tuple(CLASS_NAMES[config.classes]),
        trained_on="unknown",
        crop=config.crop,
        field_mm=config.field_mm,
        bits_stored=None,
        decision=None,
        notes=(
            f"{path} is a bare model file: that its ROIs were enhanced by CLAHE as by "
            "default is assumed, and no threshold is known. Name its run directory.",
        ),
        enhancement=Enhancement(config.enhance, config.clip_limit, config.tiles),
        serve=_traced(serving_model(fold(network), Preprocessing.of_config(config))),
        weights=xxhash.xxh3_128_hexdigest(path.read_bytes()),
        wavelet=image_wavelet(network),
        open_network=functools.partial(_same, network),
        config=config,
    )


def _described(
    card: dict[str, Any],
    source: Path,
    serve: Callable[[Any], Any],
    open_network: Callable[[], keras.Model] | None = None,
    config: TrainConfig | None = None,
    explain: Callable[[Any], Any] | None = None,
) -> Classifier:
    try:
        inside, decision = card["inside"], card.get("decision")
        return Classifier(
            source=source,
            image_size=int(inside["resize"][0]),
            labels=tuple(card["labels"]),
            trained_on=str(card["trained_on"]),
            crop=str(card.get("crop", "fixed")),
            field_mm=float(card.get("field_mm", 25.6)),
            bits_stored=bits_of(card),
            decision=(
                None
                if decision is None
                else Decision.from_mapping(decision, str(source))
            ),
            notes=tuple(_notes(card)),
            enhancement=Enhancement(
                inside["enhance"], float(inside["clip_limit"]), int(inside["tiles"])
            ),
            serve=serve,
            # Unknown in older exports.
            weights=str(card.get("weights", "")),
            wavelet=card.get("wavelet"),
            open_network=open_network,
            config=config,
            explain=explain,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{source}: its card cannot be read ({error}).") from error


def _notes(card: dict[str, Any]) -> list[str]:
    notes = []
    if card["trained_on"] == "phantom":
        notes.append(
            "The model was trained on a phantom (in-silico ROIs): what it says of a "
            "real breast means nothing."
        )
    if card.get("decision") is None:
        notes.append(
            "No threshold and no calibration are known, so there is no decision. "
            "Evaluate the run with `evaluate_run`, and export it again."
        )
    return notes


def _traced(model: keras.Model) -> Callable[[Any], Any]:
    signature = [tf.TensorSpec((None, None, None, 1), tf.uint8)]

    @tf.function(input_signature=signature, autograph=False)
    def serve(rois: tf.Tensor) -> tf.Tensor:
        return model(rois, training=False)

    return serve
