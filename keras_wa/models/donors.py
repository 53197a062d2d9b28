"""Reads files of pretrained weights into arrays."""

from __future__ import annotations

import http.client
import socket
import urllib.error
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import h5py
import keras
import numpy as np

from keras_wa.errors import UserError, WeightsUnavailableError
from keras_wa.models import torch_donor

Weights = Mapping[str, list[np.ndarray]]
"""Layer name -> its arrays, in the order of `keras.layers.Layer.get_weights`."""

ORDER = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")
"""Weights of a convolution, a dense layer or a batch normalisation, in Keras' order."""

PICKLES = (".pth", ".pt", ".bin")
"""Endings of PyTorch's pickles: reading them may run any code."""

# Timeout of a download, seconds; Keras has none.
_PATIENCE = 5.0

_NO_ANSWER = (
    urllib.error.URLError,
    http.client.HTTPException,
    TimeoutError,
    ConnectionError,
)


# Standard deviation of ImageNet's pixels in grey levels, averaged over the colours.
# ResNet-50 and VGG of keras.applications take centred pixels on this scale; ours take
# unit variance.
IMAGENET_PIXEL_STD = 57.6


class Application(NamedTuple):
    """A network of keras.applications whose weights a model can use."""

    name: str
    """Name of its class in `keras.applications`."""
    stem: str
    """Name of its first convolution."""
    pixel_std: float
    """Standard deviation of its input in training."""


RESNET50 = Application("ResNet50", "conv1_conv", IMAGENET_PIXEL_STD)
VGG16 = Application("VGG16", "block1_conv1", IMAGENET_PIXEL_STD)
VGG19 = Application("VGG19", "block1_conv1", IMAGENET_PIXEL_STD)
DENSENET121 = Application("DenseNet121", "conv1_conv", 1.0)
"""It was trained on pixels divided by their standard deviation."""


class Donor(NamedTuple):
    """Pretrained weights and their network."""

    layers: Weights
    pixel_std: float | None = None
    """Standard deviation of the input in training; None: see `Application`."""
    stride_on: str = "1x1"
    """See `resnet50_features`; unused if there is a `model`."""
    model: keras.Model | None = None
    """The network, from a `.keras` file."""


def imagenet(application: str) -> Weights:
    """Loads the ImageNet weights of a network of keras.applications, without its top.

    Raises:
        WeightsUnavailableError: they are not in Keras' cache and the download failed.
        UserError: they are damaged, or cannot be stored.
    """
    build = getattr(keras.applications, application)
    try:
        with _patience():
            model = build(include_top=False, weights="imagenet")
    except Exception as error:  # keras raises a bare Exception for a failed download
        if not _no_answer(error):
            raise UserError(
                f"The ImageNet weights could not be stored or read ({reason(error)}). "
                "Try again, or give a downloaded file as `weights`."
            ) from error
        raise WeightsUnavailableError(
            f"The ImageNet weights could not be downloaded ({reason(error)}). Go "
            "online once, give a downloaded file as `weights`, or train from scratch "
            "with `weights='none'`."
        ) from error
    return _weights_of(model)


@contextmanager
def _patience() -> Iterator[None]:
    """Sets a timeout for downloads, which Keras does not."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _no_answer(error: BaseException | None) -> bool:
    """Returns whether the network or the server failed, from the error's context."""
    if error is None:
        return False
    return isinstance(error, _NO_ANSWER) or _no_answer(error.__context__)


def read_donor(path: Path) -> Donor:
    """Reads a file of weights by layer name.

    Args:
        path: `.keras`, a whole model; `.npz`, arrays `<layer>/<weight>` with the
            weights of `ORDER`; `.safetensors`, see `read_safetensors`; else `.h5`, the
            legacy format of keras.applications. Nothing is ever unpickled.

    Raises:
        UserError: an array of an `.npz` or a `.safetensors` has another name, or the
            file is one of `PICKLES`.
        Exception: a damaged or foreign file can fail in any way.
    """
    if path.suffix in PICKLES:
        raise UserError(
            f"{path}: a pickle of PyTorch, which may run any code and is not read. "
            "Convert it to .safetensors: "
            "safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')."
        )
    if path.suffix == ".keras":
        model = keras.models.load_model(path, compile=False)
        return Donor(_weights_of(model), model=model)
    if path.suffix == ".safetensors":
        layers = torch_donor.read_safetensors(path)
        return Donor(layers, torch_donor.PIXEL_STD, stride_on="3x3")
    return Donor(_npz(path) if path.suffix == ".npz" else _legacy_h5(path))


def reason(error: Exception) -> str:
    """Returns the first line of an error's message, or its type if there is none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _npz(path: Path) -> Weights:
    with path.open("rb") as file:  # NumPy leaves a damaged one open.
        archive = np.load(file, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise UserError(f"{path}: a single array. Expected an .npz archive.")
        layers: dict[str, dict[str, np.ndarray]] = {}
        for name in archive.files:
            layer, _, weight = name.rpartition("/")
            if not layer or weight not in ORDER:
                raise UserError(
                    f"{path}: an array has an unknown name. Received: {name!r}; "
                    "expected '<layer name>/<weight>', the weight one of "
                    f"{', '.join(ORDER)}."
                )
            layers.setdefault(layer, {})[weight] = archive[name]
    return {
        layer: [arrays[weight] for weight in ORDER if weight in arrays]
        for layer, arrays in layers.items()
    }


def _legacy_h5(path: Path) -> Weights:
    with h5py.File(path) as file:
        # A whole model keeps its weights in a group, weights alone lie at the root.
        root = file.get("model_weights", file)
        return {
            _text(layer): [
                np.asarray(root[_text(layer)][_text(weight)])
                for weight in root[_text(layer)].attrs["weight_names"]
            ]
            for layer in root.attrs["layer_names"]
        }


def _weights_of(model: keras.Model) -> Weights:
    return {layer.name: layer.get_weights() for layer in model.layers}


def _text(name: str | bytes) -> str:
    return name.decode("utf-8") if isinstance(name, bytes) else str(name)
