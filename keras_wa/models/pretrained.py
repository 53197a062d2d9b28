"""The network in the folder of a pretraining, or of a run, as a source of weights."""

from __future__ import annotations

import json
from pathlib import Path

import keras

from keras_wa.errors import UserError, in_one_line
from keras_wa.layers import DWT2D
from keras_wa.phantom.spec import PHANTOM_VERSION

MODEL_FILE, RECORD_FILE = "pretrained.keras", "pretraining.json"
"""Files of `keras-wa pretrain`: the network, and what it was trained on."""
_RUN_FILE = "best.keras"


def pretrained_file(folder: Path) -> Path:
    """Returns the network of a folder that `keras-wa pretrain` or a training wrote.

    Raises:
        UserError: there is none, the pretraining has not ended, or it was on another
            version of the phantom.
    """
    record = folder / RECORD_FILE
    if not record.is_file():
        path = folder / _RUN_FILE
        if path.is_file():
            return path
        raise UserError(
            f"{folder}: a folder without weights. Received: neither {RECORD_FILE} nor "
            f"{_RUN_FILE} in it; expected that of keras-wa pretrain or of a run."
        )
    try:
        version = json.loads(record.read_text(encoding="utf-8"))["phantom_version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{record}: not the record of a pretraining ({in_one_line(error)}). "
            "Pretrain again."
        ) from error
    path = folder / MODEL_FILE
    if not path.is_file():
        raise UserError(
            f"{folder}: the pretraining has not ended. The same command of keras-wa "
            "pretrain continues it."
        )
    if version != PHANTOM_VERSION:
        raise UserError(
            f"{folder}: pretrained on another phantom. Received: version {version}; "
            f"expected {PHANTOM_VERSION}. Pretrain again, or give {path} itself."
        )
    return path


def require_same_images(donor: keras.Model, model: keras.Model, path: Path) -> None:
    """Checks that two networks take images of the same size through the same wavelet.

    Raises:
        UserError: they do not.
    """
    for what, received, expected in (
        ("images of another size", *map(_size, (donor, model))),
        ("another wavelet", *map(_wavelet, (donor, model))),
    ):
        if received != expected:
            raise UserError(
                f"{path.parent}: pretrained on {what}. Received: {received}; expected "
                f"{expected}, as the model. Pretrain again, or give {path} itself."
            )


def _size(model: keras.Model) -> str:
    return "x".join(map(str, model.input_shape[1:]))


def _wavelet(model: keras.Model) -> str:
    found = [each.wavelet for each in model.layers if isinstance(each, DWT2D)]
    return str(found[0]) if found else "none"
