"""Loads pretrained weights and adapts them to another stem."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from keras_wa.errors import UserError
from keras_wa.models import donor_checks as checks
from keras_wa.models.donors import (
    IMAGENET_PIXEL_STD,
    RESNET50,
    Application,
    Donor,
    imagenet,
    read_donor,
    reason,
)
from keras_wa.models.pretrained import fetched, pretrained_file, require_same_images

_log = logging.getLogger(__name__)

# Relative error of a converted stem: below, it is rounding.
_ROUNDING = 1e-6

StemConverter = Callable[[np.ndarray], tuple[np.ndarray, float]]
"""Kernel of a stem on a grey image -> kernel of a model's stem, relative error."""


def load_pretrained(
    model: keras.Model,
    source: str | Path | None,
    trunks: Mapping[str, Application] | None = None,
    convert_stem: StemConverter | None = None,
) -> None:
    """Loads pretrained weights into a model, by layer name.

    The source may hold a part of the trunk, in whole stages (`conv1` to `conv5` of
    ResNet-50); the other stages keep their initial weights, with a warning. Gates,
    subband normalisation and head are loaded if the source has them; a head with
    another number of classes is not. A stem on RGB is adapted to the model's channels.
    If the source does not fit, the model is unchanged. Afterwards
    `model.pretrained_layers` lists the layers of the trunk that were filled.

    These differences log a warning:

    - other strides (`stride_on` of ResNet-50), or a stem that was trained on other
      inputs: the weights are loaded;
    - subband normalisation with statistics of other or unknown inputs (only `.keras`
      files record them), and gates of another `se_position`: these are not loaded;
    - layers that the model lacks, other than a head.

    Args:
        model: a model with the layer names of keras.applications.
        source: None or `"none"` to load nothing; `"imagenet"` for the weights of
            keras.applications, downloaded or from its cache; or a file: `.keras`, a
            whole model; `.weights.h5`, weights of the same architecture; other `.h5`,
            the legacy format of keras.applications, with or without top; `.npz`, arrays
            `<layer name>/<weight>` with the weights `kernel`, `bias`, `gamma`, `beta`,
            `moving_mean` and `moving_variance`; `.safetensors`, a ResNet-50 of
            torchvision or timm, for `stride_on="3x3"`. Pickles (`.pth`, `.pt`, `.bin`)
            are refused. The folder of `keras-wa pretrain` or of a run stands for its
            network, `hf://user/name` for such a folder on the Hugging Face Hub.
        trunks: prefix of the layer names of a trunk -> its network, a
            `keras_wa.models.donors.Application`; by default ResNet-50 without prefix.
        convert_stem: converts the kernel of a pretrained stem, on a grey image of unit
            variance, to the model's stem; returns it with its relative error, which is
            logged.

    Raises:
        UserError: the file is missing, unreadable or does not fit, has values that are
            not finite, or holds nothing of the trunk or only a part of a stage.
        WeightsUnavailableError: the download failed.

    Example:
        >>> import tempfile
        >>> import keras
        >>> from keras_wa.models import load_pretrained
        >>> def network():
        ...     convolution = keras.layers.Conv2D(8, 3, name="conv1_conv")
        ...     return keras.Sequential([keras.Input((32, 32, 1)), convolution])
        >>> donor, model = network(), network()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     donor.save(f"{folder}/donor.keras")
        ...     load_pretrained(model, f"{folder}/donor.keras")
        >>> bool((model.get_weights()[0] == donor.get_weights()[0]).all())
        True
    """
    if source in (None, "none"):
        return
    trunks = {"": RESNET50} if trunks is None else trunks
    if source == "imagenet":
        layers = {
            prefix + layer: arrays
            for prefix, application in trunks.items()
            for layer, arrays in imagenet(application.name).items()
        }
        _copy_layers(Donor(layers), model, "imagenet", trunks, convert_stem)
        return
    path = fetched(str(source))
    of_folder = path.is_dir()
    if of_folder:
        path = pretrained_file(path)
    elif not path.is_file():
        raise UserError(
            f"No such weights file: {path}. Give a .keras, .h5, .npz or .safetensors "
            "file, the folder of a pretraining or a run, 'hf://user/name', 'imagenet' "
            "or 'none'."
        )
    try:
        if path.name.endswith(".weights.h5"):
            _load_own(model, path)
            return
        donor = read_donor(path)
    except UserError:
        raise
    except Exception as error:  # A damaged or foreign file can fail in any way.
        raise UserError(
            f"{path}: not weights that {model.name!r} can take ({reason(error)}). "
            "Expected a .keras model, .weights.h5 of the same model, an .h5 file in "
            "the format of keras.applications, an .npz of arrays by layer name or a "
            "ResNet-50 of torchvision or timm in .safetensors."
        ) from error
    if of_folder and donor.model is not None:
        require_same_images(donor.model, model, path)
    _copy_layers(donor, model, str(path), trunks, convert_stem)


def adapt_stem_kernel(
    kernel: np.ndarray, channels: int, pixel_std: float = IMAGENET_PIXEL_STD
) -> np.ndarray:
    """Adapts an RGB stem kernel to grey channels of unit variance.

    The kernel is summed over its colours, which is its response to a grey image, and
    repeated for every channel, divided by sqrt(channels): the response to uncorrelated
    channels then has the variance of that to a grey image. The factor `pixel_std`
    keeps the scale of the pretrained moving statistics.

    Args:
        kernel: `(height, width, 3, filters)`.
        channels: number of input channels.
        pixel_std: standard deviation of the pixels that the kernel was trained on.

    Returns:
        `(height, width, channels, filters)`, in the dtype of `kernel`.
    """
    grey = kernel.sum(axis=2, keepdims=True) * pixel_std / np.sqrt(channels)
    return np.repeat(grey, channels, axis=2).astype(kernel.dtype)


def _load_own(model: keras.Model, path: Path) -> None:
    """Loads weights of the same architecture; on failure the old ones are restored."""
    before = model.get_weights()
    try:
        model.load_weights(path)
        for layer in model.layers:
            _checked(str(path), layer, layer.get_weights())
    except BaseException:
        model.set_weights(before)
        raise
    _note_trunk(model, [layer.name for layer in model.layers])


def _copy_layers(
    donor: Donor,
    model: keras.Model,
    origin: str,
    trunks: Mapping[str, Application],
    convert: StemConverter | None,
) -> None:
    """Copies weights to layers of the same name and adapts the stems."""
    notes = checks.unfilled(donor.layers, model, origin, trunks)
    notes += checks.left_out(donor, model, origin)
    notes += checks.other_strides(donor, model, origin, trunks)
    misplaced, reasons = checks.misplaced(donor, model, origin)
    notes += reasons
    stems = {
        prefix + each.stem: donor.pixel_std or each.pixel_std
        for prefix, each in trunks.items()
    }
    fitting: list[tuple[keras.layers.Layer, list[np.ndarray]]] = []
    for layer in model.layers:
        arrays = list(donor.layers.get(layer.name, ()))
        if not layer.weights or not arrays or layer.name in misplaced:
            continue
        arrays = _checked(origin, layer, arrays)
        expected = [tuple(weight.shape) for weight in layer.weights]
        if layer.name in stems:
            if arrays[0].shape == expected[0]:
                notes += checks.other_stem(donor, model, origin, layer.name, layer.name)
            elif convert is not None and arrays[0].shape[2:3] == (1,):
                notes += checks.other_stem(donor, model, origin, layer.name, "dwt")
            arrays[0], error = _stem(arrays[0], expected[0], stems[layer.name], convert)
            if error > _ROUNDING:
                notes.append(
                    f"{origin}: the kernel of {layer.name!r} is converted to the "
                    f"subbands by least squares, with a relative error of {error:.3f}."
                )
        received = [array.shape for array in arrays]
        if received == expected:
            fitting.append((layer, arrays))
        elif layer.name != checks.HEAD:
            raise UserError(
                f"{origin}: layer {layer.name!r} does not fit {model.name!r}. "
                f"Received: shapes {received}; expected: {expected}."
            )
    # Only now: a source that does not fit changes nothing.
    for layer, arrays in fitting:
        layer.set_weights(arrays)
    _note_trunk(model, [layer.name for layer, _ in fitting])
    for note in notes:
        _log.warning("%s", note)


def _note_trunk(model: keras.Model, filled: Sequence[str]) -> None:
    model.pretrained_layers = tuple(n for n in filled if checks.OF_TRUNK.search(n))


def _stem(
    kernel: np.ndarray,
    shape: tuple[int, ...],
    pixel_std: float,
    convert: StemConverter | None,
) -> tuple[np.ndarray, float]:
    """Returns a donor's kernel for a model's stem, and its relative error."""
    if kernel.ndim != 4 or kernel.shape == shape:
        return kernel, 0.0
    colours = kernel.shape[2]
    if convert is not None and colours in (1, 3) and kernel.shape[:2] == (7, 7):
        grey = adapt_stem_kernel(kernel, 1, pixel_std) if colours == 3 else kernel
        return convert(grey)
    if convert is None and colours == 3 != shape[2]:
        return adapt_stem_kernel(kernel, shape[2], pixel_std), 0.0
    return kernel, 0.0


def _checked(
    origin: str, layer: keras.layers.Layer, arrays: list[np.ndarray]
) -> list[np.ndarray]:
    """Returns a layer's arrays in float32.

    Raises:
        UserError: values are not finite, or variances negative.
    """
    names = [weight.name for weight in layer.weights]
    checked = []
    for index, array in enumerate(arrays):
        name = f"{layer.name}/{names[index] if index < len(names) else index}"
        if not array.dtype.name.startswith(("float", "bfloat")):
            raise UserError(
                f"{origin}: {name} is not of floating-point numbers. Received: "
                f"{array.dtype}; expected float16, float32 or float64."
            )
        with np.errstate(over="ignore"):  # Overflow gives infinity, found below.
            array = array.astype("float32")
        if bad := np.count_nonzero(~np.isfinite(array)):
            found, expected = (
                "NaN or infinite",
                "finite numbers (float16 ends at 65504)",
            )
        elif name.endswith("moving_variance") and (bad := np.count_nonzero(array < 0)):
            found, expected = "negative", "variances"
        else:
            checked.append(array)
            continue
        raise UserError(
            f"{origin}: {name} is damaged. Received: {bad} of {array.size} values "
            f"{found}; expected {expected}."
        )
    return checked
