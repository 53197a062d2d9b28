"""The network in the folder of a pretraining, or of a run, as a source of weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_wa.errors import UserError, in_one_line
from keras_wa.layers import DWT2D
from keras_wa.phantom.spec import PHANTOM_VERSION

MODEL_FILE, RECORD_FILE = "pretrained.keras", "pretraining.json"
"""Files of `keras-wa pretrain`: the network, and what it was trained on."""
_RUN_FILE = "best.keras"
_FILES = (MODEL_FILE, RECORD_FILE, _RUN_FILE)
_HUB = "hf://"


def on_hub(source: str | Path) -> bool:
    """Returns whether a name is meant to be of a folder on the Hugging Face Hub."""
    return str(source).startswith("hf:")


def fetched(source: str | Path, files: Sequence[str] = _FILES) -> Path:
    """Returns the folder of a source; one on the Hugging Face Hub is downloaded.

    Args:
        source: a path, `hf://user/name` or `hf://user/name@revision`.
        files: names of the files to download. In the returned folder they are links
            into the cache.

    Raises:
        UserError: huggingface_hub is not installed, or the download failed.
    """
    name = str(source)
    if not on_hub(source):
        return Path(source)
    if not name.startswith(_HUB):
        raise UserError(
            f"{name}: no folder on the Hugging Face Hub. Expected: a string such as "
            "'hf://user/name'."
        )
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise UserError(
            f"{name} needs huggingface_hub, which is not installed. Install it: "
            "pip install 'keras_wa[hub]'."
        ) from None
    repository, _, revision = name.removeprefix(_HUB).partition("@")
    try:
        found = snapshot_download(
            repository, revision=revision or None, allow_patterns=list(files)
        )
    except Exception as error:  # Errors of its HTTP library have no common class.
        raise UserError(
            f"{name}: cannot be fetched ({in_one_line(error)}). Expected: "
            "hf://user/name of a folder that you may read."
        ) from error
    return Path(found)


def trained_on(record: Mapping[str, Any]) -> str:
    """Describes the data of a pretraining, from its record."""
    return (
        f"phantom version {record['phantom_version']}: {record['steps']} batches of "
        f"{record['batch_size']} ROIs of {record['image_size']} pixels and "
        f"{record['field_mm']:g} mm"
    )


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
