"""Export of a run to a SavedModel that takes raw grey ROIs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

import keras_wa
from keras_wa.data.classes import CLASS_NAMES
from keras_wa.errors import UserError
from keras_wa.explain.gradcam import explained_maps, grad_cam_graph
from keras_wa.explain.subbands import image_wavelet
from keras_wa.export.cards import CARD_FORMAT, DISCLAIMER, card_file
from keras_wa.export.convolutions import for_cpu
from keras_wa.export.folding import fold
from keras_wa.export.guard import guarded
from keras_wa.export.preparation import Preprocessing, preparing_model
from keras_wa.export.saving import Function, save_functions
from keras_wa.files import replacing, write_json
from keras_wa.layers.gate_reader import GateReader
from keras_wa.models.ensemble import members_layer
from keras_wa.training.best import load_best, weights_digest
from keras_wa.training.config import TrainConfig
from keras_wa.training.decision import read_decision
from keras_wa.training.run import Run


def serving_model(model: keras.Model, preprocessing: Preprocessing) -> keras.Model:
    """Adds the preprocessing of the pipeline to a trained classifier.

    The result maps raw ROIs, uint8 `(batch, height, width, 1)`, see `preparing_model`,
    to float32 probabilities, `(batch, classes)`. That of an ensemble returns a
    dictionary: them as `output_0`, and those of each member, calibrated, as `members`,
    `(batch, members, classes)`.
    """
    prepare = preparing_model(preprocessing)
    members = members_layer(model)
    if members is not None:
        outputs = {"output_0": model.output, "members": members.output}
        model = keras.Model(model.input, outputs, name=model.name)
    outputs = model(prepare.output)
    return keras.Model(prepare.input, outputs, name=f"{model.name}_serving")


def export_saved_model(
    run: Run, destination: str | Path | None = None, explain: bool = False
) -> Path:
    """Writes the run's best model as a SavedModel.

    Its default signature takes `roi`, uint8 `(batch, height, width, 1)`, and returns
    float32 probabilities, `(batch, classes)`, malignant the last; that of an ensemble
    also `members`, see `serving_model`. Sides below 32 px, and batches without a grey
    level above 1, are refused, see `guarded`. It only has TensorFlow ops: neither this
    package nor Keras is needed to load it. It is for inference: layers are folded
    (`fold`), and convolutions are `for_cpu`. Its card, `assets.extra/keras_wa.json`,
    describes inputs and outputs.

    Args:
        run: a trained run.
        destination: the directory, by default `saved_model` in the run; an existing
            SavedModel is replaced atomically.
        explain: whether to add the signature `serve_explain`, see
            `explaining_function`.
    """
    target = Path(destination) if destination is not None else run.saved_model
    # Before the slow work.
    require_saved_model_place(target)
    best = load_best(run)
    card, network = model_card(run, best), for_cpu(fold(best))
    functions: dict[str, Any] = {}
    if explain:
        functions["serve_explain"], card["explain"] = explaining_function(
            network, run.config
        )
    model = serving_model(network, Preprocessing.of_config(run.config))
    write_saved_model(model, card, target, functions)
    return target


def explaining_function(
    network: keras.Model, config: TrainConfig
) -> tuple[Function, dict[str, Any]]:
    """Returns a function of a trained classifier that classifies and explains.

    Returns:
        A function from raw ROIs, uint8 `(batch, height, width, 1)`, to `probabilities`
        `(batch, classes)`, `heat` `(batch, size, size)` in [0, 1] (Grad-CAM of
        malignant on the resized ROI) and, if the network has gates, `gates`
        `(batch, channels)`, those of all layers concatenated; all float32. And a JSON
        description: the layer of the heat, and the gate layers in order with their
        numbers of channels.
    """
    prepare = preparing_model(Preprocessing.of_config(config))
    size = (config.image_size, config.image_size)
    try:
        heat = grad_cam_graph(network, size=size)
    except ValueError as error:
        raise UserError(
            f"`explain=True`: this network has no heat map. {error}"
        ) from error
    maps = ", ".join(name for _, name, _ in explained_maps(network))
    reader = GateReader(network)

    @tf.autograph.experimental.do_not_convert
    def explain(roi: tf.Tensor) -> dict[str, tf.Tensor]:
        inputs = prepare(roi, training=False)
        probabilities, gates = reader(inputs)
        results = {"probabilities": probabilities, "heat": heat(inputs)}
        if gates:
            flat = [tf.reshape(each, (-1, each.shape[-1])) for each in gates.values()]
            results["gates"] = tf.cast(tf.concat(flat, axis=1), tf.float32)
        return results

    about = {
        "heat": f"Grad-CAM of malignant by layer {maps}",
        "gates": [[g.name, int(g.input.shape[-1])] for g in reader.layers],
    }
    return explain, about


def write_saved_model(
    model: keras.Model,
    card: Mapping[str, Any],
    target: Path,
    functions: Mapping[str, Any] | None = None,
) -> None:
    """Writes a model of `serving_model` with its card and further signatures."""
    require_saved_model_place(target)
    with replacing(target) as partial:
        signature = tf.TensorSpec((None, None, None, 1), tf.uint8, "roi")
        save_functions(model, partial, signature, dict(functions or {}), guarded)
        card_file(partial).parent.mkdir()
        write_json(card_file(partial), card)


def update_decision(run: Run) -> None:
    """Writes the run's decision into the card of its SavedModel, if there is one."""
    file = card_file(run.saved_model)
    if not file.is_file():
        return
    card = json.loads(file.read_text(encoding="utf-8"))
    decision = read_decision(run)
    card["decision"] = decision and dataclasses.asdict(decision)
    write_json(file, card)


def require_saved_model_place(target: Path) -> None:
    """Raises `UserError` if the path exists and is not a SavedModel."""
    if target.exists() and not (target / "saved_model.pb").is_file():
        raise UserError(
            f"{target} exists and is not a SavedModel. Name another directory."
        )


def model_card(run: Run, network: keras.Model) -> dict[str, Any]:
    """Returns the card of a trained network for a server, as JSON values."""
    config, decision = run.config, read_decision(run)
    return {
        "format": CARD_FORMAT,
        "keras_wa": keras_wa.__version__,
        "model": config.model_title,
        "views": config.views,
        "weights": weights_digest(run),
        "trained_on": config.dataset,
        "input": "raw grey ROI, uint8 (batch, height, width, 1), sides >= 32 px",
        "inside": Preprocessing.of_config(config).to_card(),
        "crop": config.crop,
        "field_mm": config.field_mm,
        "bits_stored": config.bits_stored,
        "wavelet": config.input_wavelet or image_wavelet(network),
        "output": f"probability of each label, float32 (batch, {config.classes})",
        "labels": list(CLASS_NAMES[config.classes]),
        "decision": None if decision is None else dataclasses.asdict(decision),
        "warning": DISCLAIMER,
    }
