"""Pretrained weights: where they come from and how they fit another stem."""

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

_log = logging.getLogger(__name__)

# Relative error of a stem that was carried over: below it is rounding.
_ROUNDING = 1e-6

Carry = Callable[[np.ndarray], tuple[np.ndarray, float]]
"""Kernel of a stem on a grey image -> the kernel of a model's stem, relative error."""


def load_pretrained(
    model: keras.Model,
    source: str | Path | None,
    trunks: Mapping[str, Application] | None = None,
    carry: Carry | None = None,
) -> None:
    """Fills a model with pretrained weights, layer by layer name.

    The source may hold a part of the trunk, in whole stages (`conv1` to `conv5` of
    ResNet-50): the others keep their initial weights, and a warning is logged that says
    which stages are filled and which are not. Layers of our own (gates, subband
    normalisation, head) take their weights from the source where it has them and keep
    their initial ones where not; so does a head of another number of classes. A stem of
    three colours becomes `adapt_stem_kernel(its kernel, the model's channels)`, or what
    `carry` makes of it.

    `model.pretrained_layers` then names the layers of the trunk that were filled.

    A source that does not fit leaves the model as it was. What fits by its shape but
    means something else is logged as a warning:

    - strides in other places (`stride_on` of ResNet-50), or a stem that was trained on
      other inputs: the weights are taken;
    - statistics of the subband normalisation that are of other inputs, or of a file
      that does not say of what (only `.keras` does), and gates of another
      `se_position`: they keep their initial weights;
    - layers that the model lacks, other than a head.

    Args:
        model: a model whose layers carry the names of keras.applications.
        source: `None` or `"none"` leaves the model as it is. `"imagenet"`: the file
            that keras.applications downloads (or has in its cache). Otherwise a file:
            `.keras`, a whole model; `.weights.h5`, weights saved from this very
            architecture; any other `.h5`, the legacy format of keras.applications,
            with or without its top; `.npz`, arrays `<layer name>/<weight>`, the weights
            `kernel`, `bias`, `gamma`, `beta`, `moving_mean` and `moving_variance`, in
            float16 or more; `.safetensors`, a ResNet-50 of torchvision or timm, see
            `read_safetensors`, trained with `stride_on="3x3"`. Pickles (`.pth`, `.pt`,
            `.bin`) are refused.
        trunks: what stands before the layer names of a trunk -> the network that it
            is; by default ResNet-50, its names as they are.
        carry: makes the model's stem kernel, and its relative error, from the kernel
            of a pretrained stem on a grey image of unit variance. An error is logged
            as a warning.

    Raises:
        UserError: the file is missing, unreadable or does not fit, has values that are
            not finite, or holds nothing of the trunk or a part of a stage.
        WeightsUnavailableError: the file cannot be downloaded.
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
        _copy_layers(Donor(layers), model, "imagenet", trunks, carry)
        return
    path = Path(str(source))
    if not path.is_file():
        raise UserError(
            f"No such weights file: {path}. Give a .keras, .h5, .npz or .safetensors "
            "file, 'imagenet' or 'none'."
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
            "Expected a .keras model, .weights.h5 of this very model, an .h5 file in "
            "the format of keras.applications, an .npz of arrays by layer name or a "
            "ResNet-50 of torchvision or timm in .safetensors."
        ) from error
    _copy_layers(donor, model, str(path), trunks, carry)


def adapt_stem_kernel(
    kernel: np.ndarray, channels: int, pixel_std: float = IMAGENET_PIXEL_STD
) -> np.ndarray:
    """Adapts an RGB stem kernel to grey channels of unit variance.

    The kernel is summed over its colours, which is its response to a grey image, and
    given to every channel, divided by sqrt(channels): uncorrelated channels with the
    spectrum of a grey image then excite the stem as strongly as that image would. The
    factor `pixel_std` keeps the scale on which the pretrained batch normalisation's
    moving statistics were taken.

    Args:
        kernel: `(height, width, 3, filters)`.
        channels: number of input channels wanted.
        pixel_std: standard deviation of the pixels that the kernel was trained on.

    Returns:
        `(height, width, channels, filters)`, the dtype of `kernel`.
    """
    grey = kernel.sum(axis=2, keepdims=True) * pixel_std / np.sqrt(channels)
    return np.repeat(grey, channels, axis=2).astype(kernel.dtype)


def _load_own(model: keras.Model, path: Path) -> None:
    """Loads weights of this very model; they are put back if it fails."""
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
    carry: Carry | None,
) -> None:
    """Copies weights to the layers of the same name and adapts the stems."""
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
            elif carry is not None and arrays[0].shape[2:3] == (1,):
                notes += checks.other_stem(donor, model, origin, layer.name, "dwt")
            arrays[0], error = _stem(arrays[0], expected[0], stems[layer.name], carry)
            if error > _ROUNDING:
                notes.append(
                    f"{origin}: the kernel of {layer.name!r} is carried over to the "
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
    # Not before: a source that does not fit changes nothing.
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
    carry: Carry | None,
) -> tuple[np.ndarray, float]:
    """A donor's stem kernel for a model's stem, and the relative error of that."""
    if kernel.ndim != 4 or kernel.shape == shape:
        return kernel, 0.0
    colours = kernel.shape[2]
    if carry is not None and colours in (1, 3) and kernel.shape[:2] == (7, 7):
        grey = adapt_stem_kernel(kernel, 1, pixel_std) if colours == 3 else kernel
        return carry(grey)
    if carry is None and colours == 3 != shape[2]:
        return adapt_stem_kernel(kernel, shape[2], pixel_std), 0.0
    return kernel, 0.0


def _checked(
    origin: str, layer: keras.layers.Layer, arrays: list[np.ndarray]
) -> list[np.ndarray]:
    """A layer's arrays in float32.

    Raises:
        UserError: there are values that no network computes with.
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
        with np.errstate(over="ignore"):  # What overflows is found as infinite.
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
