"""Pretraining on the phantom, with targets that only a phantom provides.

A classifier of the phantom learns one label. Here the trunk learns the types and the
distribution of the calcifications, their number and a map of them, from ROIs that are
new in every step, half of them without calcifications.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import scipy.ndimage

from keras_wa import __version__
from keras_wa.backend import on_tensorflow
from keras_wa.data.pipeline.rois import Enhancement
from keras_wa.errors import UserError
from keras_wa.explain.feature_map import find_feature_map
from keras_wa.files import make_folder, replacing, write_json
from keras_wa.models import create_model
from keras_wa.models.head import last_layer
from keras_wa.models.pretrained import (
    MODEL_FILE,
    RECORD_FILE,
    trained_on,
)
from keras_wa.phantom import phantom_cases, render_mask, render_roi
from keras_wa.phantom.calcifications import MORPHOLOGIES
from keras_wa.phantom.distributions import DISTRIBUTIONS
from keras_wa.phantom.spec import PHANTOM_VERSION
from keras_wa.training.callbacks import StopOnNaN
from keras_wa.training.pretraining_settings import Pretraining

Array = np.ndarray

_README = """# {name}

The trunk of a classifier of mammographic ROIs, pretrained by keras_wa {version} on
{trained_on}. Its last layer is random: train it before use.

    import keras_wa
    classifier = keras_wa.MammogramClassifier.from_preset("{name}")
    classifier.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    classifier.fit(train_ds, validation_data=val_ds, epochs=3)

or with these settings of a training:

    weights = "{name}"
{settings}

Losses on new ROIs: {losses}. For research. Not a medical device.
"""
_CARD = "README.md"
_SAME = ("model", "image_size", "enhance")

_STEPS_PER_EPOCH = 100
_PIXELS_PER_CELL = 16


class TargetBatches(keras.utils.PyDataset):
    """Batches of new phantom ROIs, every other one without its calcifications.

    Args:
        settings: settings of the pretraining.
        first: number of the first batch; a batch depends on its number only.
        batches: number of batches.
        cells: rows and columns of the map.
    """

    def __init__(
        self, settings: Pretraining, first: int, batches: int, cells: tuple[int, int]
    ) -> None:
        super().__init__()
        self.settings, self.first, self.cells = settings, first, cells
        self.batches = batches

    def __len__(self) -> int:
        return self.batches

    def __getitem__(self, index: int) -> tuple[Array, dict[str, Array]]:
        """Returns ROIs `(B, H, W, 1)` in [0, 1], and the targets of each head.

        `types` and `distribution` `(B, names)` are 1 for those present; `number`
        `(B, 1)` is the logarithm of 1 + calcifications that are separate in the image;
        `map` `(B, rows * columns)` is 1 in cells with calcifications. Without
        calcifications all are 0.
        """
        spec, n = self.settings.spec, self.settings.batch_size
        # Epoch 0 is the phantom set itself, with its validation and test ROIs.
        table = phantom_cases(spec, n, epoch=1 + self.first + index)
        enhance = Enhancement(self.settings.enhance)
        pixels = np.empty((n, spec.size, spec.size, 1), np.float32)
        masks = np.zeros((n, spec.size, spec.size), bool)
        present = np.arange(n) % 2 == 1
        rows = table.to_dict("records")
        for i, row in enumerate(rows):
            pixels[i, ..., 0] = enhance(render_roi(spec, row, bool(present[i])))
            if present[i]:
                masks[i] = render_mask(spec, row)
        counts = [scipy.ndimage.label(mask)[1] for mask in masks]
        targets = {
            "types": _named(rows, "morphology", MORPHOLOGIES) * present[:, None],
            "distribution": _named(rows, "distribution", DISTRIBUTIONS)
            * present[:, None],
            "number": np.log1p(counts)[:, None],
            "map": _in_cells(masks, self.cells),
        }
        return pixels / 255, {
            name: np.asarray(target, np.float32) for name, target in targets.items()
        }


def _named(rows: list[Any], column: str, names: tuple[str, ...]) -> Array:
    """Returns `(n, names)`: which names a row has, joined by hyphens in the table."""
    parts = [str(row[column]).split("-") for row in rows]
    return np.array([[name in part for name in names] for part in parts])


def _in_cells(masks: Array, cells: tuple[int, int]) -> Array:
    """Returns `(n, rows * columns)`: whether a cell of the image has a pixel set."""
    n, size = masks.shape[:2]
    rows, columns = (np.arange(size) * count // size for count in cells)
    found = np.zeros((n, *cells), bool)
    at, row, column = np.nonzero(masks)
    found[at, rows[row], columns[column]] = True
    return found.reshape(n, -1)


def with_heads(network: keras.Model) -> keras.Model:
    """Returns a model of the same trunk that predicts the phantom's targets.

    The map has a cell for 16x16 pixels or less; the other targets come from the input
    of the network's last layer.
    """
    features = last_layer(network).input
    cells = keras.layers.Conv2D(1, 1, name="map_logits")(_feature_map(network))
    outputs = {
        "types": keras.layers.Dense(len(MORPHOLOGIES), name="types")(features),
        "distribution": keras.layers.Dense(len(DISTRIBUTIONS), name="distribution")(
            features
        ),
        "number": keras.layers.Dense(1, name="number")(features),
        "map": keras.layers.Flatten(name="map")(cells),
    }
    return keras.Model(network.input, outputs)


def _feature_map(network: keras.Model) -> keras.KerasTensor:
    least = network.input_shape[1] // _PIXELS_PER_CELL
    return find_feature_map(network, least_side=least)[1]


def pretrain(
    settings: Pretraining, folder: str | Path, verbose: int = 1
) -> dict[str, float]:
    """Pretrains a network on the phantom, and writes it for `weights`.

    The last layer keeps its random weights: it is that of the classifier to train.

    Args:
        settings: the settings.
        folder: where to write `pretrained.keras`, `pretraining.json` and a model card.
            A folder of an interrupted pretraining is resumed at its last hundred steps;
            of a complete one the losses are returned.
        verbose: 0, 1 or 2, see `keras.Model.fit`.

    Returns:
        The loss of each head on 20 batches of new ROIs.

    Raises:
        UserError: the folder has a pretraining with other settings or other files, or
            the loss is NaN.

    Example:
        >>> import tempfile
        >>> from keras_wa.training.pretraining import pretrain
        >>> from keras_wa.training.pretraining_settings import Pretraining
        >>> settings = Pretraining(
        ...     model="alexnet", image_size=64, steps=1, batch_size=2, enhance="none")
        >>> sorted(pretrain(settings, tempfile.mkdtemp(), verbose=0))
        ['distribution_loss', 'loss', 'map_loss', 'number_loss', 'types_loss']
    """
    _ = settings.spec  # Raises an error before anything is written.
    folder = make_folder(folder).resolve()
    record = {
        "keras_wa": __version__,
        "phantom_version": PHANTOM_VERSION,
        **settings.to_mapping(),
    }
    before = _require_same(folder, record)
    if "losses" in before:
        return dict(before["losses"])
    keras.utils.set_random_seed(settings.seed)
    network = create_model(
        settings.model, image_size=settings.image_size, **settings.model_options
    )
    cells = tuple(_feature_map(network).shape[1:3])
    model = _compiled(with_heads(network), network, settings)
    epochs = -(-settings.steps // _STEPS_PER_EPOCH)
    steps = min(settings.steps, _STEPS_PER_EPOCH)
    batches = TargetBatches(settings, 0, steps, cells)

    def begin(epoch: int, logs: Any = None) -> None:
        batches.first = epoch * steps

    write_json(folder / RECORD_FILE, record)
    backup = folder / "backup"
    model.fit(
        batches,
        epochs=epochs,
        shuffle=False,
        verbose=verbose,
        callbacks=[
            StopOnNaN(),
            keras.callbacks.LambdaCallback(on_epoch_begin=begin),
            keras.callbacks.BackupAndRestore(
                backup, double_checkpoint=True, delete_checkpoint=False
            ),
        ],
    )
    test = TargetBatches(settings, epochs * steps, 20, cells)
    losses = model.evaluate(test, verbose=0, return_dict=True)
    losses = {name: float(loss) for name, loss in losses.items()}
    with replacing(folder / MODEL_FILE) as partial:
        network.save(partial)
    with replacing(folder / _CARD) as partial:
        text = _README.format(
            name=folder.name,
            version=__version__,
            trained_on=trained_on(record),
            settings=_as_toml(record),
            losses=", ".join(f"{name} {loss:.3f}" for name, loss in losses.items()),
        )
        partial.write_text(text, encoding="utf-8")
    write_json(folder / RECORD_FILE, {**record, "losses": losses})
    shutil.rmtree(backup, ignore_errors=True)
    return losses


def _compiled(
    model: keras.Model, network: keras.Model, settings: Pretraining
) -> keras.Model:
    with_xla = True
    if on_tensorflow():
        from keras_wa.training.fused import fuse_batch_normalization
        from keras_wa.training.hardware import has_gpu

        fuse_batch_normalization(network)
        with_xla = has_gpu()
    warm = min(100, settings.steps // 10)
    rate = keras.optimizers.schedules.CosineDecay(
        settings.learning_rate / 10,
        settings.steps - warm,
        warmup_target=settings.learning_rate,
        warmup_steps=warm,
    )
    binary = keras.losses.BinaryCrossentropy(from_logits=True)
    losses = dict.fromkeys(("types", "distribution", "map"), binary)
    model.compile(
        keras.optimizers.Adam(rate),
        {**losses, "number": "huber"},
        jit_compile="auto" if with_xla else False,
    )
    return model


def _as_toml(record: Mapping[str, Any]) -> str:
    """Formats the settings that a training shares with the pretraining."""
    shared = {key: record[key] for key in _SAME}
    own = {f"model_options.{k}": v for k, v in record["model_options"].items()}
    items = {**shared, **own}.items()
    return "\n".join(f"    {key} = {json.dumps(value)}" for key, value in items)


def _require_same(folder: Path, record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the record in the folder; it must be of the same settings."""
    path = folder / RECORD_FILE
    if not path.exists():
        if any(folder.iterdir()):
            raise UserError(
                f"{folder}: received a folder with other files; expected an empty one, "
                f"or one with {RECORD_FILE}."
            )
        return {}
    before = json.loads(path.read_text(encoding="utf-8"))
    for name, value in record.items():
        if before.get(name) != value:
            raise UserError(
                f"{folder} holds a pretraining with {name}={before.get(name)!r}. "
                f"Received: {value!r}; expected the same, or another folder."
            )
    return before
